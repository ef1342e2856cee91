import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type BarStream, duration, progressBar, progressLine } from '../../../../lib/cli/terminal/progress-bar.ts';

describe('progressLine', () => {
  test('shows the share done, the rate and the time left', () => {
    const line = progressLine({ done: 50, total: 200, unit: 'pictures', perSecond: 2 }, 80);

    // 150 pictures at 2 a second: 75 seconds.
    expect(line).toBe(`${'█'.repeat(8)}${'░'.repeat(22)} 50/200 pictures · 2.0/s · 1:15 left`);
  });

  test('gives seconds for each where less than one is done in a second', () => {
    expect(progressLine({ done: 1, total: 3, unit: 'steps', perSecond: 0.25 }, 80)).toContain('4.0 s each · 0:08 left');
  });

  test('counts without a bar while the total is unknown', () => {
    expect(progressLine({ done: 7, unit: 'pictures', perSecond: undefined }, 80)).toBe('7 pictures');
  });

  test('never grows past the terminal', () => {
    expect(progressLine({ done: 50, total: 200, unit: 'pictures', perSecond: 2 }, 20)).toHaveLength(20);
  });
});

test('durations read as a clock', () => {
  expect([7, 720, 11_100, 59.6].map(duration)).toEqual(['0:07', '12:00', '3:05:00', '1:00']);
});

describe('progressBar', () => {
  const screen = { text: '', isTTY: true, columns: 60, write: (text: string) => (screen.text += text) };

  beforeEach(() => {
    vi.useFakeTimers();
    screen.text = '';
  });
  afterEach(() => vi.useRealTimers());

  test('stays away from work that takes less than two seconds', () => {
    const bar = progressBar('pictures', screen, () => Date.now());
    bar.update(1, 2);
    vi.advanceTimersByTime(1900);
    bar.stop();

    expect(screen.text).toBe('');
  });

  test('appears in the third second with the rate since the start, and leaves a clean line', () => {
    const bar = progressBar('pictures', screen, () => Date.now());
    bar.update(8, 20);
    vi.advanceTimersByTime(2000);
    bar.stop();

    expect(screen.text).toContain('8/20 pictures · 4.0/s · 0:03 left');
    expect(screen.text.endsWith('\r\u001b[2K')).toBe(true);
  });

  test('leaves out of the rate what an earlier process did', () => {
    const bar = progressBar('pictures', screen, () => Date.now());
    bar.resumeAt(1000, 1020);
    vi.advanceTimersByTime(1000);
    bar.update(1008, 1020);
    vi.advanceTimersByTime(1000);
    bar.stop();

    expect(screen.text).toContain('1008/1020 pictures · 4.0/s · 0:03 left');
  });

  test('moves out of the way of words', () => {
    const bar = progressBar('pictures', screen, () => Date.now());
    bar.update(8, 20);
    vi.advanceTimersByTime(2000);
    screen.text = '';
    bar.say('waiting for the model');
    bar.stop();

    expect(screen.text).toBe('\r\u001b[2Kwaiting for the model\n');
  });

  test('is out of the way of a line on standard output where both are terminals, and comes back', () => {
    const bar = progressBar('pictures', screen, () => Date.now());
    bar.update(8, 20);
    vi.advanceTimersByTime(2000);
    screen.text = '';
    bar.hideWhile(() => screen.write('{"type":"result"}\n'), screen);

    const erased = '\r\u001b[2K';
    expect(screen.text.startsWith(`${erased}{"type":"result"}\n${erased}█`)).toBe(true);
    expect(screen.text).toContain(' 8/20 pictures');
    bar.stop();
  });

  test('stays where it is when the line goes to a file', () => {
    const bar = progressBar('pictures', screen, () => Date.now());
    bar.update(8, 20);
    vi.advanceTimersByTime(2000);
    screen.text = '';
    expect(bar.hideWhile(() => 'written', {})).toBe('written');

    expect(screen.text).toBe('');
    bar.stop();
  });

  test('is silent where standard error is not a terminal, except for words', () => {
    const pipe: BarStream & { text: string } = { text: '', write: (text) => (pipe.text += text) };
    const bar = progressBar('pictures', pipe, () => Date.now());
    bar.update(8, 20);
    vi.advanceTimersByTime(10_000);
    bar.say('words');
    bar.stop();

    expect(pipe.text).toBe('words\n');
  });
});
