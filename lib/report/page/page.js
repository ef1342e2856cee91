// The report page: totals, sorting and filtering. Uses cards.js.
{
  const { about, bars, byId, cardOf, count, drawing, element, guess, heatAt, named, plural, read } = window.report;
  let totals = read('totals');
  const collator = new Intl.Collator('en', { numeric: true });

  const itemOf = (row) => ({
    row,
    card: undefined,
    label: row.classes?.[0]?.label,
    confidence: row.classes?.[0]?.probability,
    text: `${row.key}\n${(row.classes ?? []).map(({ label }) => label).join('\n')}\n${row.error?.code ?? ''}`.toLowerCase(),
  });
  const listed = read('rows').map(itemOf);
  const places = new Map(listed.map(({ row }, place) => [row.key, place]));

  const byKey = (a, b) => collator.compare(a.row.key, b.row.key);
  /** Pictures without the number come last, in both directions. */
  const byNumber = (numberOf, sign) => (a, b) => {
    const [m, n] = [numberOf(a) ?? null, numberOf(b) ?? null];
    if (m === null || n === null) return Number(m === null) - Number(n === null) || byKey(a, b);
    return sign * (m - n) || byKey(a, b);
  };
  const orders = {
    key: byKey,
    label: (a, b) =>
      Number(a.label === undefined) - Number(b.label === undefined) ||
      collator.compare(a.label ?? '', b.label ?? '') ||
      byNumber((item) => item.confidence, -1)(a, b),
    confident: byNumber((item) => item.confidence, -1),
    unsure: byNumber((item) => item.confidence, 1),
    surprising: byNumber((item) => item.row.nats, -1),
    expected: byNumber((item) => item.row.nats, 1),
    failed: (a, b) => Number(b.row.error !== null) - Number(a.row.error !== null) || byKey(a, b),
  };

  /** Whether a value lies within two input fields. An empty field sets no limit. */
  const within = (value, least, most, scale = 1) =>
    (least === '' && most === '') ||
    (typeof value === 'number' &&
      (least === '' || value * scale >= Number(least)) &&
      (most === '' || value * scale <= Number(most)));

  const fieldValue = (id) => byId(id).value;

  /** Cards placed at once: a few screens. Placing thousands at once would block the page. */
  const cardsAtOnce = 200;
  let placements = 0;

  /** Places the cards: the first ones now, the others later in between other work. A card in its place is not moved. */
  function placeCards(items) {
    placements += 1;
    const mine = placements;
    const list = byId('pictures');
    const wanted = new Set(items.map(({ card }) => card));
    for (const card of [...list.children]) if (!wanted.has(card)) card.remove();
    let at = list.firstChild;
    function placeFrom(start) {
      if (mine !== placements) return;
      for (const item of items.slice(start, start + cardsAtOnce)) {
        item.card ??= cardOf(item.row);
        if (item.card === at) at = at.nextSibling;
        else list.insertBefore(item.card, at);
      }
      if (start + cardsAtOnce < items.length) setTimeout(placeFrom, 0, start + cardsAtOnce);
    }
    placeFrom(0);
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
    placeCards(chosen);
    const more = totals.pictures - listed.length;
    const none = chosen.length === 0 && listed.length > 0;
    byId('shown').textContent =
      `${none ? 'None' : count(chosen.length)} of ${plural(listed.length, 'picture')}` +
      (none ? ' matches; Reset shows all' : '') +
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

  /** A card of counts as bars. A click on a name filters the pictures. */
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
      element('span', {}, `${guess.toFixed(1)} nats, no better than a random guess`),
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

  /** Updates the classes to choose from. The current choice stays. */
  function labelOptions() {
    const select = byId('label');
    const chosen = select.selectedIndex === 0 ? undefined : select.value;
    const names = new Set([...listed.flatMap(({ label }) => label ?? []), ...totals.labels.map(([label]) => label)]);
    if (chosen !== undefined) names.add(chosen);
    const options = [...names].sort(collator.compare).map((label) => element('option', { value: label }, named(label)));
    if (options.map(({ value }) => value).join('\n') === optionsShown) return;
    optionsShown = options.map(({ value }) => value).join('\n');
    select.replaceChildren(select.options[0], ...options);
    if (chosen !== undefined) select.selectedIndex = 1 + options.findIndex(({ value }) => value === chosen);
  }
  let optionsShown;

  /** Hides the controls that no picture has values for. */
  function hideUnusedControls() {
    const present = {
      classes: listed.some(({ label }) => label !== undefined),
      nats: listed.some(({ row }) => row.nats !== null),
    };
    for (const control of byId('controls').querySelectorAll('[data-needs]')) {
      control.hidden = !present[control.dataset.needs];
    }
  }

  /** Shows the totals of all pictures. */
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
    hideUnusedControls();
  }

  summarize();
  byId('controls').addEventListener('input', show);
  byId('controls').addEventListener('submit', (event) => event.preventDefault());
  byId('controls').addEventListener('reset', () => setTimeout(show));
  show();

  /** For the live page: replaces or adds rows, without an announcement by screen readers. */
  window.report.update = ({ rows, totals: newTotals }) => {
    for (const row of rows) {
      const place = places.get(row.key) ?? listed.length;
      places.set(row.key, place);
      listed[place] = itemOf(row);
    }
    totals = newTotals ?? totals;
    summarize();
    byId('shown').setAttribute('aria-live', 'off');
    show();
    setTimeout(() => byId('shown').removeAttribute('aria-live'));
  };
}
