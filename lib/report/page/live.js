// The live part of the page: progress, new rows, and pictures sent from the page. Uses cards.js and page.js.
{
  const { about, byId, element, percent, plural, update } = window.report;
  const { maxBytes, folder } = about.live;

  /**
   * Least time between two updates (milliseconds): sorting thousands of cards for each picture would block the page.
   */
  const pauseMs = 250;
  let fresh = { rows: [] };
  let planned = false;

  function updateSoon() {
    if (planned) return;
    planned = true;
    setTimeout(() => {
      const now = fresh;
      planned = false;
      fresh = { rows: [] };
      update(now);
    }, pauseMs);
  }

  function showProgress({ done, total }, { failed }) {
    const words = [
      total === null ? plural(done, 'picture') : `${done.toLocaleString('en')} of ${plural(total, 'picture')}`,
      ...(failed > 0 ? [`${failed.toLocaleString('en')} failed`] : []),
      ...(done === total ? ['new pictures are processed as they come'] : []),
    ];
    byId('live-words').textContent = words.join(' · ');
    if (total === null) byId('live-progress').removeAttribute('value');
    else Object.assign(byId('live-progress'), { max: Math.max(total, 1), value: total === 0 ? 1 : done });
  }

  const news = (words) => {
    byId('live-news').textContent = words;
  };
  const events = new EventSource('/events');
  events.addEventListener('open', () => news(''));
  events.addEventListener('rows', ({ data }) => {
    const rows = JSON.parse(data);
    fresh.rows.push(...rows);
    for (const row of rows) answer(row);
    updateSoon();
  });
  events.addEventListener('state', ({ data }) => {
    const { totals, progress } = JSON.parse(data);
    fresh.totals = totals;
    showProgress(progress, totals);
    updateSoon();
  });
  events.addEventListener('reload', () => {
    events.close();
    location.reload();
  });
  events.addEventListener('end', () => {
    events.close();
    news('igpt has ended: this page does not change any more.');
    byId('live-progress').hidden = true;
    byId('choose').disabled = true;
  });
  events.addEventListener('error', () => {
    news(
      events.readyState === EventSource.CLOSED
        ? 'Not connected: too many pages are open, or igpt has ended. Reload to try again.'
        : 'The connection broke; trying again …',
    );
  });

  /** Lines of sent pictures; older ones are removed. */
  const maxLines = 20;
  /** If more pictures are sent at once, screen readers announce only their number, not each result. */
  const maxAnnounced = 5;
  /** Lines of pictures that wait for the model, by key; and rows that came before the key of their line was known. */
  const waiting = new Map();
  const early = new Map();

  function say(line, name, words, bad = false) {
    line.replaceChildren(name, ': ', element('span', { className: bad ? 'bad' : '' }, words));
  }

  function resultOf({ error, classes, nats }) {
    if (error !== null) return `failed, ${error.code}: ${error.message}`;
    const parts = [
      ...(classes?.[0] === undefined ? [] : [`${classes[0].label}, ${percent(classes[0].probability)}`]),
      ...(nats === null ? [] : [`${nats.toFixed(3)} nats per token`]),
    ];
    return parts.length === 0 ? 'done' : parts.join(', ');
  }

  function answer(row) {
    const line = waiting.get(row.key);
    if (line === undefined) {
      if (sending > 0) early.set(row.key, row);
      return;
    }
    waiting.delete(row.key);
    const find = element('button', { type: 'button', title: 'Show it below' }, row.key);
    find.addEventListener('click', () => {
      byId('reset').click();
      // After the reset event has been handled.
      setTimeout(() => {
        byId('find').value = row.key;
        byId('find').dispatchEvent(new Event('input', { bubbles: true }));
        byId('controls').scrollIntoView();
      });
    });
    say(line, find, resultOf(row), row.error !== null);
  }

  let sending = 0;

  /** Sends a file and shows the result in its line. True when it was sent. */
  async function send(file, line) {
    if (file.size > maxBytes) {
      say(line, file.name, `larger than ${(maxBytes / 1e6).toLocaleString('en')} MB (--max-megabytes)`, true);
      return false;
    }
    try {
      const response = await fetch(`/pictures?name=${encodeURIComponent(file.name)}`, { method: 'POST', body: file });
      if (!response.ok) {
        say(line, file.name, `not sent: ${(await response.text()).trim()}`, true);
        return false;
      }
      const { key } = await response.json();
      say(line, key, 'waiting for the model …');
      waiting.set(key, line);
      if (early.has(key)) answer(early.get(key));
      return true;
    } catch {
      say(line, file.name, 'not sent: it is a folder or cannot be read, or igpt has ended', true);
      return false;
    }
  }

  let turn = Promise.resolve();
  /** Counts of the files being sent. Reset when files are chosen while nothing is being sent. */
  let counts = { chosen: 0, sent: 0, failed: 0 };

  function sayCounts() {
    const { chosen, sent, failed } = counts;
    const words = [
      `${sent.toLocaleString('en')} of ${plural(chosen, 'picture')} sent`,
      ...(failed > 0 ? [`${failed.toLocaleString('en')} failed`] : []),
    ];
    byId('sent-words').textContent = words.join(', ');
  }

  /** Sends files one at a time. Each gets its line when its turn comes. */
  function sendAll(files) {
    if (sending === 0) counts = { chosen: 0, sent: 0, failed: 0 };
    counts.chosen += files.length;
    byId('sent').setAttribute('aria-live', counts.chosen > maxAnnounced ? 'off' : 'polite');
    for (const file of files) {
      sending += 1;
      turn = turn.then(async () => {
        const line = element('li');
        say(line, file.name, 'being sent …');
        byId('sent').prepend(line);
        while (byId('sent').children.length > maxLines) byId('sent').lastChild.remove();
        counts[(await send(file, line)) ? 'sent' : 'failed'] += 1;
        sayCounts();
        sending -= 1;
        if (sending === 0) early.clear();
      });
    }
  }

  byId('made').textContent = byId('made').textContent.replace('Made', 'Begun');
  byId('live-folder').textContent = `They are kept in ${folder}.`;
  byId('choose').addEventListener('click', () => byId('files').click());
  byId('files').addEventListener('change', () => {
    sendAll([...byId('files').files]);
    byId('files').value = '';
  });
  const carriesFiles = (event) => event.dataTransfer?.types.includes('Files');
  addEventListener('dragover', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    document.body.classList.add('dropping');
  });
  addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) document.body.classList.remove('dropping');
  });
  addEventListener('drop', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    document.body.classList.remove('dropping');
    if (!byId('choose').disabled) sendAll([...event.dataTransfer.files]);
  });
}
