// Rotatable point clouds on plain 2D canvases (a page may hold dozens; browsers allow few WebGL contexts).
(() => {
  const store = JSON.parse(document.getElementById('clouds').textContent);
  const decoded = new Map();

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  function cloud(id) {
    if (!decoded.has(id)) {
      const packed = store[id];
      const view = new DataView(bytes(packed.xyz).buffer);
      const xyz = new Float32Array(3 * packed.n);
      for (let i = 0; i < xyz.length; i++) xyz[i] = view.getUint16(2 * i, true) / 32767.5 - 1;
      decoded.set(id, { n: packed.n, gap: packed.gap, xyz, rgb: bytes(packed.rgb) });
    }
    return decoded.get(id);
  }

  const START = { yaw: -0.55, pitch: 0.32 };
  const turn = new WeakMap();

  function draw(canvas) {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const side = Math.max(2, Math.round(canvas.clientWidth * ratio));
    if (canvas.width !== side || canvas.height !== side) canvas.width = canvas.height = side;
    const { n, gap, xyz, rgb } = cloud(canvas.dataset.cloud);
    const { yaw, pitch } = turn.get(canvas);
    const [sy, cy, sp, cp] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
    const context = canvas.getContext('2d');
    const image = context.createImageData(side, side);
    const pixels = image.data;
    const nearest = new Float32Array(side * side).fill(-Infinity);
    const radius = Math.max(ratio, Math.min(0.026, 0.65 * gap) * side); // about 1.4 gaps
    const reach = Math.ceil(radius);
    for (let i = 0; i < n; i++) {
      const [x, y, z] = [xyz[3 * i], xyz[3 * i + 1], xyz[3 * i + 2]];
      const across = cy * x + sy * z;
      const away = -sy * x + cy * z;
      const up = cp * y - sp * away;
      const near = sp * y + cp * away; // -1 (far) to 1 (near)
      const scale = (0.47 * side) / (1.12 - 0.12 * near);
      const [px, py] = [side / 2 + across * scale, side / 2 - up * scale];
      const light = 0.58 + 0.4 * (near + 1) / 2;
      for (let dy = -reach; dy <= reach; dy++) {
        for (let dx = -reach; dx <= reach; dx++) {
          const [u, v] = [Math.round(px) + dx, Math.round(py) + dy];
          if (dx * dx + dy * dy > radius * radius || u < 0 || v < 0 || u >= side || v >= side) continue;
          const at = v * side + u;
          if (near <= nearest[at]) continue;
          nearest[at] = near;
          for (let c = 0; c < 3; c++) pixels[4 * at + c] = rgb[3 * i + c] * light;
          pixels[4 * at + 3] = 255;
        }
      }
    }
    context.putImageData(image, 0, 0);
  }

  const waiting = new Set();
  function redraw(canvas) {
    if (!waiting.size) {
      requestAnimationFrame(() => {
        const now = [...waiting];
        waiting.clear();
        now.forEach(draw);
      });
    }
    waiting.add(canvas);
  }

  function rotate(canvas, yaw, pitch) {
    const angle = turn.get(canvas);
    angle.yaw += yaw;
    angle.pitch = Math.max(-1.5, Math.min(1.5, angle.pitch + pitch));
    redraw(canvas);
  }

  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) redraw(entry.target);
  }, { rootMargin: '300px' });

  const KEYS = { ArrowLeft: [-0.2, 0], ArrowRight: [0.2, 0], ArrowUp: [0, -0.2], ArrowDown: [0, 0.2] };
  for (const canvas of document.querySelectorAll('canvas[data-cloud]')) {
    turn.set(canvas, { ...START });
    seen.observe(canvas);
    canvas.addEventListener('pointerdown', (event) => canvas.setPointerCapture(event.pointerId));
    canvas.addEventListener('pointermove', (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) {
        rotate(canvas, event.movementX * 0.012, event.movementY * 0.012);
      }
    });
    canvas.addEventListener('dblclick', () => {
      turn.set(canvas, { ...START });
      redraw(canvas);
    });
    canvas.addEventListener('keydown', (event) => {
      if (event.key in KEYS) {
        event.preventDefault();
        rotate(canvas, ...KEYS[event.key]);
      }
    });
  }
  window.addEventListener('resize', () => document.querySelectorAll('canvas[data-cloud]').forEach(redraw));
})();
