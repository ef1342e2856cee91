import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

export interface HtmlHead {
  /** First line. Default: the doctype alone. */
  mark?: string;
  title: string;
  styles: readonly string[];
  /** Scripts that the page will have. Default: none. */
  scripts?: readonly string[];
  /** May ask the server that it came from. Default false. */
  asksItsServer?: boolean;
}

/**
 * The beginning of a self-contained page, up to its body. It asks for nothing over the network, and its content security
 * policy permits nothing but its own scripts and styles, named by their hashes, and pictures that it carries itself.
 */
export function htmlHead(head: HtmlHead): string {
  const { mark = '<!doctype html>', title, styles, scripts = [], asksItsServer = false } = head;
  const policy = [
    "default-src 'none'",
    ...(scripts.length === 0 ? [] : [`script-src ${scripts.map(hashOf).join(' ')}`]),
    `style-src ${styles.map(hashOf).join(' ')}`,
    'img-src data:',
    ...(asksItsServer ? ["connect-src 'self'"] : []),
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return `${mark}
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
${styles.map((style) => `<style>${style}</style>`).join('\n')}
</head>
`;
}

/** A file of lib/report/page. */
export function pagePart(name: string): Promise<string> {
  return readFile(new URL(`./page/${name}`, import.meta.url), 'utf8');
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** As a content security policy names it. */
function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
