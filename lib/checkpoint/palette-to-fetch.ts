/** Where OpenAI publishes the palette that all of its models share. */
const published = 'https://openaipublic.blob.core.windows.net/image-gpt/color-clusters/kmeans_centers.npy';

const publishedColors = 512;

/** What to fetch by hand for a model of so many colours whose palette is missing. */
export function paletteToFetch(colors: number): string {
  return colors === publishedColors
    ? `${published}, the palette of all of OpenAI's models`
    : `kmeans_centers.npy or a preprocessor_config.json with ${colors} clusters from where the weights were published`;
}
