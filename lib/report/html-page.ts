import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '../local/repository.ts';

export interface HtmlHead {
  /** First line of the page (default: only the doctype). */
  mark?: string;
  title: string;
  styles: readonly string[];
  /** Scripts that the page contains (default: none). */
  scripts?: readonly string[];
  /** Whether the page may connect to the server that it came from (default false). */
  asksItsServer?: boolean;
}

/**
 * The start of a self-contained page, up to its body. Its content security policy allows only the page's own scripts
 * and styles (by their hashes) and embedded pictures, and no network.
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

/** Reads a file of lib/report/page. */
export function pagePart(name: string): Promise<string> {
  return readFile(join(repositoryRoot, 'lib', 'report', 'page', name), 'utf8');
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** The hash by which a content security policy allows a script or style. */
function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
