import { homedir } from 'node:os';
import { join } from 'node:path';
import { readTextFile } from '../../files/regular-file.ts';
import { CheckpointError } from '../error.ts';

/** How to reach the Hugging Face hub, and where its cache is: the variables that Hugging Face's own tools read. */
export interface HubSettings {
  /** HF_ENDPOINT (default https://huggingface.co). */
  hubUrl: string;
  /** HF_TOKEN, else the token that `hf auth login` stored. */
  accessToken: string | undefined;
  /** The folder that holds `models--organisation--name`: HF_HUB_CACHE, else `hub` in HF_HOME. */
  cache: string;
  /** HF_HUB_OFFLINE: downloads are forbidden. */
  offline: boolean;
}

/** Other characters cannot stand in a header, and fetch would print them. */
const token = /^hf_[!-~]*$/;

/** The values that huggingface_hub reads as true. */
const yes = /^(1|on|yes|true)$/i;

/**
 * Reads the variables of huggingface_hub (its `constants.py`). An empty variable counts as unset.
 *
 * @throws CheckpointError `download_failed` if the token does not begin with hf_
 */
export async function readHubSettings(env: Readonly<Record<string, string | undefined>>): Promise<HubSettings> {
  const value = (name: string) => env[name]?.trim() || undefined;
  const home = value('HF_HOME') ?? join(value('XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'huggingface');
  const accessToken = value('HF_TOKEN') ?? (await storedToken(value('HF_TOKEN_PATH') ?? join(home, 'token')));
  if (accessToken !== undefined && !token.test(accessToken)) {
    throw new CheckpointError(
      'download_failed',
      'The hub access token is malformed; expected one that begins with hf_, without spaces. Correct HF_TOKEN, or unset it for a public model.',
    );
  }
  return {
    hubUrl: (value('HF_ENDPOINT') ?? 'https://huggingface.co').replace(/\/+$/, ''),
    accessToken,
    cache: value('HF_HUB_CACHE') ?? value('HUGGINGFACE_HUB_CACHE') ?? join(home, 'hub'),
    offline: yes.test(value('HF_HUB_OFFLINE') ?? ''),
  };
}

async function storedToken(path: string): Promise<string | undefined> {
  const text = await readTextFile(path).catch(() => '');
  return text.trim() || undefined;
}
