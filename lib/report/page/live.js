{
  const { element, percent, plural, update } = window.report;
  const { maxBytes, folder } = JSON.parse(document.getElementById('about').textContent).live;
  const byId = (id) => document.getElementById(id);

  /** Drawn so often at most, milliseconds: sorting thousands of cards for each picture would keep the page busy. */
  const PAUSE_MS = 250;
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
    }, PAUSE_MS);
  }

  function showProgress({ done, total }, { failed }) {
    const words = [
      total === null ? plural(done, 'picture') : `${done.toLocaleString('en')} of ${plural(total, 'picture')}`,
      ...(failed > 0 ? [`${failed.toLocaleString('en')} failed`] : []),
      ...(done === total ? ['new ones are taken as they come'] : []),
    ];
    byId('live-words').textContent = words.join(' · ');
    if (total === null) byId('live-progress').removeAttribute('value');
    else Object.assign(byId('live-progress'), { max: Math.max(total, 1), value: total === 0 ? 1 : done });
  }

  const events = new EventSource('/events');
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
    byId('live-words').textContent = 'igpt has ended: what is below stays as it is.';
    byId('live-progress').hidden = true;
    byId('choose').disabled = true;
  });
  events.addEventListener('error', () => {
    byId('live-words').textContent =
      events.readyState === EventSource.CLOSED
        ? 'Not connected: too many pages listen, or igpt has gone. Reload to try again.'
        : 'The connection broke; trying again …';
  });

  /** Lines of what was sent: older ones go. */
  const MOST_LINES = 20;
  /** Lines that wait for the model, by key, and what came before its line knew the key. */
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
    return parts.length === 0 ? 'seen' : parts.join(', ');
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
      // After the reset has been taken notice of.
      setTimeout(() => {
        byId('find').value = row.key;
        byId('find').dispatchEvent(new Event('input', { bubbles: true }));
        byId('controls').scrollIntoView();
      });
    });
    say(line, find, resultOf(row), row.error !== null);
  }

  let sending = 0;

  async function send(file, line) {
    if (file.size > maxBytes) {
      say(line, file.name, `larger than ${(maxBytes / 1e6).toLocaleString('en')} MB (--max-megabytes)`, true);
      return;
    }
    try {
      const response = await fetch(`/pictures?name=${encodeURIComponent(file.name)}`, { method: 'POST', body: file });
      if (!response.ok) {
        say(line, file.name, `not sent: ${(await response.text()).trim()}`, true);
        return;
      }
      const { key } = await response.json();
      say(line, key, 'the model is looking at it …');
      waiting.set(key, line);
      if (early.has(key)) answer(early.get(key));
    } catch {
      say(line, file.name, 'could not be sent: it cannot be read, or igpt has gone', true);
    }
  }

  let turn = Promise.resolve();

  /** One after the other. */
  function sendAll(files) {
    for (const file of files) {
      const line = element('li');
      say(line, file.name, 'on its way …');
      byId('sent').prepend(line);
      while (byId('sent').children.length > MOST_LINES) byId('sent').lastChild.remove();
      sending += 1;
      turn = turn
        .then(() => send(file, line))
        .then(() => {
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
