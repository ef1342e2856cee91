import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CheckpointError } from '../error.ts';

/** How to reach Hugging Face's hub, and what of it is here already: by the variables that its own tools read. */
export interface HubSettings {
  /** HF_ENDPOINT; default https://huggingface.co. */
  hubUrl: string;
  /** HF_TOKEN, or what `hf auth login` has kept. */
  accessToken?: string;
  /** Folder of `models--organisation--name`: HF_HUB_CACHE, or `hub` in HF_HOME. */
  cache: string;
  /** HF_HUB_OFFLINE: nothing may be fetched. */
  offline: boolean;
}

/** What huggingface_hub takes for a yes. */
const yes = /^(1|on|yes|true)$/i;

/**
 * Reads the variables of huggingface_hub (its `constants.py`). An empty one counts as one that is not there.
 *
 * @throws CheckpointError `download_failed` for a token that is none
 */
export async function readHubSettings(env: Readonly<Record<string, string | undefined>>): Promise<HubSettings> {
  const value = (name: string) => env[name]?.trim() || undefined;
  const home = value('HF_HOME') ?? join(value('XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'huggingface');
  const accessToken = value('HF_TOKEN') ?? (await keptToken(value('HF_TOKEN_PATH') ?? join(home, 'token')));
  if (accessToken !== undefined && !accessToken.startsWith('hf_')) {
    throw new CheckpointError(
      'download_failed',
      'Expected an access token of the hub that begins with hf_; correct HF_TOKEN, or unset it for a public model.',
    );
  }
  return {
    hubUrl: (value('HF_ENDPOINT') ?? 'https://huggingface.co').replace(/\/+$/, ''),
    ...(accessToken !== undefined && { accessToken }),
    cache: value('HF_HUB_CACHE') ?? value('HUGGINGFACE_HUB_CACHE') ?? join(home, 'hub'),
    offline: yes.test(value('HF_HUB_OFFLINE') ?? ''),
  };
}

async function keptToken(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trim() || undefined;
}
