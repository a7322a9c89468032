// An image beside its sweep from above: a click on one side colours the other by similarity of the learned features.
(() => {
  const node = document.getElementById('matches');
  if (!node) return;
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  function open(figure, data) {
    const { dim, rows, columns, n } = data;
    const map = new Int8Array(bytes(data.map).buffer);
    const features = new Int8Array(bytes(data.points).buffer);
    const at = new Uint16Array(bytes(data.pixels).buffer); // x, y in 1 / 65535 of the image
    const above = new Uint16Array(bytes(data.above).buffer); // x, y in 1 / 65535 of the plan
    const [left, right] = figure.querySelectorAll('canvas');
    const image = new Image();
    const caption = figure.querySelector('[data-said]');

    function similarities(feature, table, count) {
      const found = new Float32Array(count);
      for (let i = 0; i < count; i++) {
        let sum = 0;
        for (let c = 0; c < dim; c++) sum += feature[c] * table[i * dim + c];
        found[i] = sum;
      }
      return found;
    }

    // Shares of the range between the smallest and the largest similarity.
    function stretch(values) {
      let [low, high] = [Infinity, -Infinity];
      for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
      return values.map((value) => (value - low) / (high - low || 1));
    }

    const heat = (share) => `hsl(${240 - 220 * share} 85% ${42 + 12 * share}%)`;

    function size(canvas, aspect) {
      const ratio = Math.min(window.devicePixelRatio || 1, 2);
      canvas.width = Math.round(canvas.clientWidth * ratio);
      canvas.height = Math.round(canvas.width / aspect);
      return canvas.getContext('2d');
    }

    function ring(context, x, y, colour) {
      context.lineWidth = Math.max(2, context.canvas.width / 220);
      for (const [style, grow] of [['#000', 1.5], [colour, 0]]) {
        context.strokeStyle = style;
        context.beginPath();
        context.arc(x, y, context.canvas.width / 50 + grow, 0, 2 * Math.PI);
        context.stroke();
      }
    }

    function drawImage(shares, marks) {
      const context = size(left, data.width / data.height);
      const { width, height } = left;
      context.drawImage(image, 0, 0, width, height);
      if (shares) {
        const small = document.createElement('canvas');
        [small.width, small.height] = [columns, rows];
        const brush = small.getContext('2d');
        shares.forEach((share, i) => {
          brush.fillStyle = heat(share);
          brush.globalAlpha = 0.15 + 0.6 * share;
          brush.fillRect(i % columns, Math.floor(i / columns), 1, 1);
        });
        context.drawImage(small, 0, 0, width, height);
      }
      for (const [x, y, colour] of marks) ring(context, x * width, y * height, colour);
    }

    function drawPlan(shares, marks) {
      const context = size(right, 1);
      const { width, height } = right;
      const dot = Math.max(2, width / 150);
      for (let i = 0; i < n; i++) {
        context.fillStyle = shares ? heat(shares[i]) : '#2563c9';
        context.fillRect(above[2 * i] / 65535 * width, above[2 * i + 1] / 65535 * height, dot, dot);
      }
      for (const [x, y, colour] of marks) ring(context, x * width, y * height, colour);
    }

    const place = (table, i) => [table[2 * i] / 65535, table[2 * i + 1] / 65535];
    const WANTED = '#ffffff', FOUND = '#ffd400';

    function askPixel(x, y) {
      const cell = Math.min(rows - 1, Math.floor(y * rows)) * columns + Math.min(columns - 1, Math.floor(x * columns));
      const found = similarities(map.subarray(cell * dim, (cell + 1) * dim), features, n);
      const best = found.indexOf(Math.max(...found));
      drawImage(null, [[x, y, WANTED], [...place(at, best), FOUND]]);
      drawPlan(stretch(found), [[...place(above, best), FOUND]]);
      caption.textContent = 'Points by similarity to the clicked pixel; yellow: the most similar point, on both sides.';
    }

    function askPoint(i) {
      const found = similarities(features.subarray(i * dim, (i + 1) * dim), map, rows * columns);
      const best = found.indexOf(Math.max(...found));
      const [x, y] = [(best % columns + 0.5) / columns, (Math.floor(best / columns) + 0.5) / rows];
      drawImage(stretch(found), [[...place(at, i), WANTED], [x, y, FOUND]]);
      drawPlan(null, [[...place(above, i), WANTED]]);
      caption.textContent = 'Pixels by similarity to the clicked point; white: the pixel it projects to; yellow: the most similar pixel.';
    }

    function fraction(event) {
      const box = event.target.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    }

    left.addEventListener('click', (event) => askPixel(...fraction(event)));
    right.addEventListener('click', (event) => {
      const [x, y] = fraction(event);
      let [nearest, least] = [0, Infinity];
      for (let i = 0; i < n; i++) {
        const [u, v] = place(above, i);
        const distance = (u - x) ** 2 + (v - y) ** 2;
        if (distance < least) [nearest, least] = [i, distance];
      }
      askPoint(nearest);
    });
    image.onload = () => askPoint(data.first);
    image.src = data.image;
  }

  const store = JSON.parse(node.textContent);
  document.querySelectorAll('figure[data-match]').forEach((figure) => open(figure, store[figure.dataset.match]));
})();
