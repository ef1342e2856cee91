{
  const about = read('about');
  let totals = read('totals');
  const byId = (id) => document.getElementById(id);
  const words = new Intl.Collator('en', { numeric: true });
  const palette = bytes(about.palette);
  /** Nats of a blind guess among all colours: the end of the heat scale. */
  const guess = Math.log(palette.length / 3);

  function read(id) {
    return JSON.parse(document.getElementById(id).textContent);
  }

  function bytes(base64) {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  }

  /** Marks that turn text around, which can make of one name another one. */
  const TURNS = /[\u202a-\u202e\u2066-\u2069]/g;

  /** An element; texts become text nodes, so nothing in them is ever markup. */
  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    const shown = children.filter((child) => child !== null);
    made.append(...shown.map((child) => (typeof child === 'string' ? child.replaceAll(TURNS, '\ufffd') : child)));
    return made;
  }

  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  const count = (number) => number.toLocaleString('en');
  const plural = (number, word) => `${count(number)} ${word}${number === 1 ? '' : 's'}`;

  /** A class may have no name; something has to stand there. */
  const named = (label) => (label.trim() === '' ? '(no name)' : label);

  /** Bars with names and amounts; a name can be a button. */
  function bars(entries, most, { even = false, name = named } = {}) {
    const list = element('ul', { className: even ? 'bars even' : 'bars' });
    for (const [label, value, amount] of entries) {
      const fill = element('span');
      fill.style.width = `${(100 * value) / most}%`;
      const track = element('span', { className: 'track' }, fill);
      track.setAttribute('aria-hidden', 'true');
      const shown = element('span', { className: 'name', title: label }, name(label));
      list.append(element('li', {}, shown, track, element('span', { className: 'amount' }, amount)));
    }
    return list;
  }

  // Colours of heat, dark to bright: equal steps look equal, also without colour vision (points of matplotlib's inferno).
  const heat = [
    [0, 0, 4],
    [66, 10, 104],
    [147, 38, 103],
    [221, 81, 58],
    [252, 165, 10],
    [252, 255, 164],
  ];

  function heatAt(share) {
    const place = Math.min(Math.max(share, 0), 1) * (heat.length - 1);
    const low = Math.min(Math.floor(place), heat.length - 2);
    return heat[low].map((channel, i) => channel + (heat[low + 1][i] - channel) * (place - low));
  }

  function drawing(width, height, label, colorAt) {
    const canvas = element('canvas', { width, height });
    if (label !== '') {
      canvas.setAttribute('role', 'img');
      canvas.setAttribute('aria-label', label);
    }
    const context = canvas.getContext('2d');
    const image = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      const [red, green, blue] = colorAt(i);
      image.data.set([red, green, blue, 255], i * 4);
    }
    context.putImageData(image, 0, 0);
    return canvas;
  }

  function figure(content, caption) {
    return element('figure', {}, element('div', { className: 'frame' }, content), element('figcaption', {}, caption));
  }

  /** Thumbnail, tokens and heat: made when the picture comes near, for decoding thousands at once would take long. */
  function fillLooks(place, row) {
    const { thumbnail, tokens, surprise } = row.look;
    const [width, height] = [row.width ?? 1, row.height ?? 1];
    const photo = element('img', {
      ...{
        src: `data:image/webp;base64,${thumbnail}`,
        alt: `The picture ${row.key}`,
        decoding: 'async',
        width: 96,
        height: 96,
      },
      className: height > width ? 'tall' : '',
    });
    photo.style.aspectRatio = `${width} / ${height}`;
    const ids = new Uint16Array(bytes(tokens).buffer);
    const seen = drawing(about.width, about.height, `${row.key} as the model sees it`, (i) =>
      palette.subarray(ids[i] * 3, ids[i] * 3 + 3),
    );
    place.replaceChildren(figure(photo, 'picture'), figure(seen, 'what it saw'));
    if (surprise !== null) {
      const steps = bytes(surprise);
      const map = drawing(about.width, about.height, `Where ${row.key} surprised the model`, (i) =>
        heatAt(steps[i] / about.surpriseSteps / guess),
      );
      place.append(figure(map, 'surprise'));
    }
  }

  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        fillLooks(target, target.row);
      }
    },
    { rootMargin: '800px' },
  );

  // Paper shows what has never been near.
  addEventListener('beforeprint', () => {
    for (const place of byId('pictures').querySelectorAll('.looks:empty')) {
      near.unobserve(place);
      fillLooks(place, place.row);
    }
  });

  function cardOf(row) {
    const facts = [
      row.width === null ? null : `${row.width} × ${row.height}`,
      row.format === null ? null : row.format.toUpperCase(),
      row.nats === null ? null : `${row.nats.toFixed(3)} nats per token`,
    ];
    const card = element(
      'li',
      { className: 'picture card' },
      element(
        'div',
        {},
        element('h3', { title: row.key }, row.key),
        element('p', { className: 'facts-line' }, facts.filter((fact) => fact !== null).join(' · ')),
      ),
    );
    if (row.error !== null) {
      const code = element('strong', {}, row.error.code);
      card.append(element('div', { className: 'failure' }, code, row.error.message));
    }
    if (row.look !== null) {
      const looks = element('div', { className: 'looks', row });
      near.observe(looks);
      card.append(looks);
    }
    if (row.classes !== null) {
      card.append(
        bars(
          row.classes.map(({ label, probability }) => [label, probability, percent(probability)]),
          1,
        ),
      );
    }
    return card;
  }

  const itemOf = (row) => ({
    row,
    card: undefined,
    label: row.classes?.[0]?.label,
    confidence: row.classes?.[0]?.probability,
    text: `${row.key}\n${(row.classes ?? []).map(({ label }) => label).join('\n')}\n${row.error?.code ?? ''}`.toLowerCase(),
  });
  const listed = read('rows').map(itemOf);
  const places = new Map(listed.map(({ row }, place) => [row.key, place]));

  const byKey = (a, b) => words.compare(a.row.key, b.row.key);
  /** What has no such number comes last, whichever way it is sorted. */
  const byNumber = (numberOf, sign) => (a, b) => {
    const [m, n] = [numberOf(a) ?? null, numberOf(b) ?? null];
    if (m === null || n === null) return Number(m === null) - Number(n === null) || byKey(a, b);
    return sign * (m - n) || byKey(a, b);
  };
  const orders = {
    key: byKey,
    label: (a, b) =>
      Number(a.label === undefined) - Number(b.label === undefined) ||
      words.compare(a.label ?? '', b.label ?? '') ||
      byNumber((item) => item.confidence, -1)(a, b),
    confident: byNumber((item) => item.confidence, -1),
    unsure: byNumber((item) => item.confidence, 1),
    surprising: byNumber((item) => item.row.nats, -1),
    expected: byNumber((item) => item.row.nats, 1),
    failed: (a, b) => Number(b.row.error !== null) - Number(a.row.error !== null) || byKey(a, b),
  };

  /** A field left empty asks for nothing. */
  const within = (value, least, most, scale = 1) =>
    (least === '' && most === '') ||
    (typeof value === 'number' &&
      (least === '' || value * scale >= Number(least)) &&
      (most === '' || value * scale <= Number(most)));

  const fieldValue = (id) => byId(id).value;

  /** Cards made and placed at once: some screens full. Thousands would keep the page from answering. */
  const AT_ONCE = 200;
  let laying = 0;

  /**
   * Lays out the cards, the first ones now and the others in between whatever else is to be done. A card that is in its
   * place stays there.
   */
  function lay(items) {
    laying += 1;
    const mine = laying;
    const list = byId('pictures');
    const wanted = new Set(items.map(({ card }) => card));
    for (const card of [...list.children]) if (!wanted.has(card)) card.remove();
    let at = list.firstChild;
    function layFrom(start) {
      if (mine !== laying) return;
      for (const item of items.slice(start, start + AT_ONCE)) {
        item.card ??= cardOf(item.row);
        if (item.card === at) at = at.nextSibling;
        else list.insertBefore(item.card, at);
      }
      if (start + AT_ONCE < items.length) setTimeout(layFrom, 0, start + AT_ONCE);
    }
    layFrom(0);
  }

  function show() {
    const text = fieldValue('find').trim().toLowerCase();
    const status = fieldValue('status');
    const label = byId('label').selectedIndex === 0 ? undefined : fieldValue('label');
    const chosen = listed.filter(
      (item) =>
        item.text.includes(text) &&
        (status === '' || (item.row.error === null) === (status === 'succeeded')) &&
        (label === undefined || item.label === label) &&
        within(item.confidence, fieldValue('least-confidence'), fieldValue('most-confidence'), 100) &&
        within(item.row.nats, fieldValue('least-nats'), fieldValue('most-nats')),
    );
    chosen.sort(orders[fieldValue('sort')]);
    lay(chosen);
    const more = totals.pictures - listed.length;
    const none = chosen.length === 0 && listed.length > 0;
    byId('shown').textContent =
      `${none ? 'None' : count(chosen.length)} of ${plural(listed.length, 'picture')}` +
      (none ? ' is like that; Reset shows all' : '') +
      (more > 0 ? `; ${count(more)} more ${more === 1 ? 'is' : 'are'} counted above, but not listed` : '');
  }

  const ofListed = () => (totals.listedOnly ? ', of the pictures below' : '');

  function figures() {
    const entries = [
      ['pictures', count(totals.pictures)],
      ['succeeded', count(totals.succeeded)],
      ['failed', count(totals.failed)],
      ...(totals.nats === null ? [] : [[`nats per token, mean${ofListed()}`, totals.nats.toFixed(3)]]),
    ];
    const pairs = entries.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value)));
    byId('figures').replaceChildren(...pairs);
  }

  /** Counts as bars whose names filter the pictures. */
  function countsCard(id, entries, choose) {
    const place = byId(id);
    byId(`${id}-card`).hidden = entries.length === 0;
    const shown = entries.slice(0, 10);
    const name = (label) => {
      const button = element('button', { type: 'button' }, named(label));
      button.addEventListener('click', () => {
        choose(label);
        show();
        byId('controls').scrollIntoView();
      });
      return button;
    };
    const drawn = shown.map(([label, pictures]) => [label, pictures, count(pictures)]);
    const more = entries.length - shown.length;
    const focused = place.contains(document.activeElement) ? document.activeElement.textContent : undefined;
    place.replaceChildren(
      bars(drawn, shown[0]?.[1], { even: true, name }),
      ...(more > 0 ? [element('p', { className: 'note' }, `and ${count(more)} more`)] : []),
    );
    for (const button of place.querySelectorAll('button')) if (button.textContent === focused) button.focus();
  }

  function medianOf(values) {
    const sorted = values.toSorted((a, b) => a - b);
    const half = sorted.length / 2;
    return (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
  }

  function histogram() {
    const values = listed.map(({ row }) => row.nats).filter((nats) => nats !== null);
    byId('nats-card').hidden = values.length < 2;
    if (values.length < 2) return;
    const low = Math.min(...values);
    const high = Math.max(...values);
    const counts = new Array(24).fill(0);
    for (const value of values) {
      counts[Math.min(counts.length - 1, Math.floor(((value - low) / (high - low || 1)) * counts.length))] += 1;
    }
    const most = Math.max(...counts);
    const chart = element('div', { className: 'histogram' });
    chart.setAttribute('role', 'img');
    const middle = medianOf(values);
    chart.setAttribute(
      'aria-label',
      `Pictures by surprise, from ${low.toFixed(2)} to ${high.toFixed(2)} nats per token; half are below ${middle.toFixed(2)}`,
    );
    for (const pictures of counts) {
      const bar = element('span');
      bar.style.height = `${(100 * pictures) / most}%`;
      chart.append(bar);
    }
    const median = element('span', { className: 'median' });
    median.style.left = `${(100 * (middle - low)) / (high - low || 1)}%`;
    chart.append(median);
    const ends = [low, high].map((end) => element('span', {}, end.toFixed(2)));
    byId('histogram').replaceChildren(
      chart,
      element('div', { className: 'ends' }, ...ends),
      element('p', { className: 'note' }, `The line is the median, ${middle.toFixed(2)}`),
    );
    const some = totals.pictures > listed.length;
    byId('nats-title').textContent = `Surprise, nats per token${some ? ', of the pictures below' : ''}`;
  }

  function legend() {
    if (!byId('legend').hidden || !listed.some(({ row }) => (row.look?.surprise ?? null) !== null)) return;
    const scale = drawing(64, 1, '', (i) => heatAt(i / 63));
    scale.setAttribute('aria-hidden', 'true');
    byId('legend').append(
      element('span', {}, 'Surprise of each token: expected, 0 nats'),
      scale,
      element('span', {}, `${guess.toFixed(1)} nats, no better than a blind guess`),
    );
    byId('legend').hidden = false;
  }

  byId('title').textContent = `What ${about.model} saw`;
  byId('made').textContent =
    `Made ${new Date(about.made).toLocaleString('en-GB', { dateStyle: 'long', timeStyle: 'short' })}`;
  if (about.warning !== undefined) {
    byId('warning').textContent = about.warning;
    byId('warning').hidden = false;
  }
  byId('card').append(...about.card.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]));

  /** The classes that can be chosen; the chosen one stays. */
  function labelOptions() {
    const select = byId('label');
    const chosen = select.selectedIndex === 0 ? undefined : select.value;
    const names = new Set([...listed.flatMap(({ label }) => label ?? []), ...totals.labels.map(([label]) => label)]);
    if (chosen !== undefined) names.add(chosen);
    const options = [...names].sort(words.compare).map((label) => element('option', { value: label }, named(label)));
    if (options.map(({ value }) => value).join('\n') === optionsShown) return;
    optionsShown = options.map(({ value }) => value).join('\n');
    select.replaceChildren(select.options[0], ...options);
    if (chosen !== undefined) select.selectedIndex = 1 + options.findIndex(({ value }) => value === chosen);
  }
  let optionsShown;

  /** Nothing is offered to sort or filter by that no picture has. */
  function offer() {
    const there = {
      classes: listed.some(({ label }) => label !== undefined),
      nats: listed.some(({ row }) => row.nats !== null),
    };
    for (const control of byId('controls').querySelectorAll('[data-needs]')) {
      control.hidden = !there[control.dataset.needs];
    }
  }

  /** What is said of all pictures together. */
  function summarize() {
    figures();
    countsCard('labels', totals.labels, (label) => {
      byId('label').value = label;
    });
    countsCard('failures', totals.failures, (code) => {
      byId('find').value = code;
    });
    byId('labels-title').textContent = `Most probable class${ofListed()}`;
    histogram();
    legend();
    labelOptions();
    offer();
  }

  summarize();
  byId('controls').addEventListener('input', show);
  byId('controls').addEventListener('submit', (event) => event.preventDefault());
  byId('controls').addEventListener('reset', () => setTimeout(show));
  show();

  /** For the live page: rows come in place of what they change, without a word to screen readers. */
  window.report = {
    element,
    percent,
    plural,
    update({ rows, totals: fresh }) {
      for (const row of rows) {
        const place = places.get(row.key) ?? listed.length;
        places.set(row.key, place);
        listed[place] = itemOf(row);
      }
      totals = fresh ?? totals;
      summarize();
      byId('shown').setAttribute('aria-live', 'off');
      show();
      setTimeout(() => byId('shown').removeAttribute('aria-live'));
    },
  };
}
