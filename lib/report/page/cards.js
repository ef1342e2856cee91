// The card of a picture: thumbnail, token image, surprise map, facts and classes; and the helpers that draw it.
{
  const byId = (id) => document.getElementById(id);
  const read = (id) => JSON.parse(byId(id).textContent);
  const about = read('about');
  const palette = bytes(about.palette);
  /** Nats of a uniform guess among all colours: the end of the heat scale. */
  const guess = Math.log(palette.length / 3);

  function bytes(base64) {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  }

  /** Characters that change the text direction, with which one name could pretend to be another. */
  const directionMarks = /[\u202a-\u202e\u2066-\u2069]/g;

  /** An element. Texts become text nodes, so they are never markup. */
  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    const shown = children.filter((child) => child !== null);
    made.append(
      ...shown.map((child) => (typeof child === 'string' ? child.replaceAll(directionMarks, '\ufffd') : child)),
    );
    return made;
  }

  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  const count = (number) => number.toLocaleString('en');
  const plural = (number, word) => `${count(number)} ${word}${number === 1 ? '' : 's'}`;

  /** The name of a class, or a placeholder when it has none. */
  const named = (label) => (label.trim() === '' ? '(no name)' : label);

  /** A list of bars with names and amounts. `name` can make a button of a name. */
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

  // Colours from dark to bright, from matplotlib's inferno. Equal steps look equal, even without colour vision.
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

  /** Adds thumbnail, token image and surprise map to a card. */
  function fillViews(place, row) {
    const { thumbnail, tokens, surprise } = row.look;
    const [width, height] = [row.width ?? 1, row.height ?? 1];
    const photo = element('img', {
      src: `data:image/webp;base64,${thumbnail}`,
      alt: `The picture ${row.key}`,
      decoding: 'async',
      width: 96,
      height: 96,
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

  /** Fills the views of a card when it comes near the visible part: filling thousands at once would take long. */
  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        fillViews(target, target.row);
      }
    },
    { rootMargin: '800px' },
  );

  // A printed page shows all cards, so fill the remaining ones.
  addEventListener('beforeprint', () => {
    for (const place of byId('pictures').querySelectorAll('.views:empty')) {
      near.unobserve(place);
      fillViews(place, place.row);
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
      const views = element('div', { className: 'views', row });
      near.observe(views);
      card.append(views);
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

  window.report = { about, bars, byId, cardOf, count, drawing, element, guess, heatAt, named, percent, plural, read };
}
