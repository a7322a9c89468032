// The values of a chart's lines under the pointer, in place of "first → last" in its legend.
(() => {
  const show = (value) => String(Number(value.toPrecision(3)));
  for (const figure of document.querySelectorAll('figure.chart')) {
    const [left, right, low, high, width] = JSON.parse(figure.dataset.frame);
    const lines = JSON.parse(figure.dataset.lines);
    const svg = figure.querySelector('svg');
    const cursor = figure.querySelector('.cursor');
    const cells = [...figure.querySelectorAll('.legend b')];
    const texts = cells.map((cell) => cell.textContent);
    svg.addEventListener('pointermove', (event) => {
      const box = svg.getBoundingClientRect();
      const across = ((event.clientX - box.left) / box.width) * width;
      const x = low + ((across - left) / (right - left)) * (high - low);
      let shown = x;
      lines.forEach((line, i) => {
        let best = 0;
        line.x.forEach((value, j) => {
          if (Math.abs(value - x) < Math.abs(line.x[best] - x)) best = j;
        });
        shown = line.x[best];
        cells[i].textContent = `${show(line.y[best])} at ${show(shown)}`;
      });
      const place = left + ((shown - low) / (high - low)) * (right - left);
      cursor.setAttribute('transform', `translate(${place} 0)`);
      cursor.style.visibility = 'visible';
    });
    svg.addEventListener('pointerleave', () => {
      cursor.style.visibility = 'hidden';
      cells.forEach((cell, i) => (cell.textContent = texts[i]));
    });
  }
})();
