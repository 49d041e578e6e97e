// Draws the points: by WebGL where the browser has it, else on a plain canvas, which is slower. Both take
// { camera's matrix, size in pixels, tints, kinds, order } and draw the same marks: circle, diamond, square.

const VERTEX = `#version 300 es
in vec3 spot; in vec4 tint; in vec4 kind;
uniform mat4 matrix; uniform float size;
out vec4 colour; flat out vec2 mark; flat out float across;
void main() {
  gl_Position = matrix * vec4(spot, 1.0);
  float wide = size * (1.0 + 0.35 * kind.z) * (0.8 + 0.2 * kind.w) / clamp(gl_Position.w, 0.25, 4.0);
  across = wide * 1.3 + 2.0;
  gl_PointSize = across;
  colour = tint;
  mark = kind.xy;
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 colour; flat in vec2 mark; flat in float across;
uniform vec3 ink; uniform float line; uniform float strength;
out vec4 seen;
void main() {
  vec2 p = abs(gl_PointCoord - 0.5) * across;
  float radius = (across - 2.0) / 2.6;
  float far = mark.x < 0.5 ? length(p) : mark.x < 1.5 ? (p.x + p.y) * 0.8 : max(p.x, p.y) * 1.12;
  float inside = clamp(radius - far + 0.5, 0.0, 1.0);
  float edge = mark.y * strength * clamp(far - radius + line + 0.5, 0.0, 1.0);
  float alpha = max(colour.a, edge * min(1.0, colour.a * 1.2)) * inside;
  seen = vec4(mix(colour.rgb, ink, edge) * alpha, alpha);
}`;

function painterOf(canvas, changed) {
  const gl = canvas.getContext("webgl2", { antialias: false, premultipliedAlpha: true });
  return gl ? glPainter(canvas, gl, changed) : plainPainter(canvas);
}

function glPainter(canvas, gl, changed) {
  let parts = null;
  let [points, moves, looks] = [null, 0, null]; // what the GPU holds: of which set, where the points were then, and how drawn
  canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
  canvas.addEventListener("webglcontextrestored", () => {
    [parts, points, looks] = [null, null, null];
    changed();
  });

  function begin() {
    const program = linked(gl, VERTEX, FRAGMENT);
    const buffers = ["spot", "tint", "kind", "order"].map(() => gl.createBuffer());
    const uniforms = ["matrix", "size", "ink", "line", "strength"].map((name) => gl.getUniformLocation(program, name));
    gl.useProgram(program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    ["spot", "tint", "kind"].forEach((name, k) => {
      const at = gl.getAttribLocation(program, name);
      gl.bindBuffer(gl.ARRAY_BUFFER, buffers[k]);
      gl.enableVertexAttribArray(at);
      if (k === 0) gl.vertexAttribPointer(at, 3, gl.FLOAT, false, 0, 0);
      else gl.vertexAttribPointer(at, 4, gl.UNSIGNED_BYTE, k === 1, 0, 0);
    });
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, buffers[3]);
    return { buffers, uniforms };
  }

  function fill(set, look) {
    if (points !== set || moves !== set.moves) {
      const { x, y, z } = set.arrays;
      const spots = new Float32Array(3 * set.count);
      for (let i = 0, k = 0; i < set.count; i++, k += 3) {
        spots[k] = x[i];
        spots[k + 1] = y[i];
        spots[k + 2] = z ? z[i] : 0;
      }
      gl.bindBuffer(gl.ARRAY_BUFFER, parts.buffers[0]);
      gl.bufferData(gl.ARRAY_BUFFER, spots, gl.STATIC_DRAW);
      [points, moves] = [set, set.moves];
    }
    if (looks !== look) {
      [look.tints, look.kinds].forEach((values, k) => {
        gl.bindBuffer(gl.ARRAY_BUFFER, parts.buffers[k + 1]);
        gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
      });
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, look.order, gl.DYNAMIC_DRAW);
      looks = look;
    }
  }

  return {
    plain: false,
    draw({ set, matrix, size, ratio, look, order, ink }) {
      if (gl.isContextLost()) return;
      parts ??= begin();
      fill(set, look);
      if (order !== look.order) gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, order, gl.STREAM_DRAW);
      const [atMatrix, atSize, atInk, atLine, atStrength] = parts.uniforms;
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniformMatrix4fv(atMatrix, false, matrix);
      gl.uniform1f(atSize, size);
      gl.uniform3fv(atInk, rgb(ink).map((v) => v / 255));
      gl.uniform1f(atLine, Math.max(0.7, size * 0.13));
      const strength = (size / ratio - 2) / 3.5; // small marks would be all outline
      gl.uniform1f(atStrength, Math.min(1, Math.max(0.3, strength)));
      gl.drawElements(gl.POINTS, order.length, gl.UNSIGNED_INT, 0);
      if (order !== look.order) looks = null;
    },
    leave: () => gl.getExtension("WEBGL_lose_context")?.loseContext(),
  };
}

function linked(gl, ...sources) {
  const program = gl.createProgram();
  [gl.VERTEX_SHADER, gl.FRAGMENT_SHADER].forEach((type, k) => {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, sources[k]);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(program, shader);
  });
  gl.linkProgram(program);
  return program;
}

function plainPainter(canvas) {
  const pen = canvas.getContext("2d");
  return {
    plain: true,
    draw({ screen, size, ratio, look, order, ink }) {
      pen.clearRect(0, 0, canvas.width, canvas.height);
      const half = size / 2;
      for (const i of order) {
        const [x, y, w] = [screen[3 * i] * ratio, screen[3 * i + 1] * ratio, screen[3 * i + 2]];
        if (w <= 0 || x < -half || y < -half || x > canvas.width + half || y > canvas.height + half) continue;
        const [r, g, b, a] = look.tints.subarray(4 * i, 4 * i + 4);
        pen.fillStyle = `rgba(${r}, ${g}, ${b}, ${a / 255})`;
        if (order.length > 4000) {
          pen.fillRect(x - half * 0.85, y - half * 0.85, size * 0.85, size * 0.85);
          continue;
        }
        trace(pen, look.kinds[4 * i], x, y, half * (1 + 0.35 * look.kinds[4 * i + 2]));
        pen.fill();
        if (!look.kinds[4 * i + 1]) continue;
        pen.strokeStyle = ink;
        pen.stroke();
      }
    },
    leave: () => {},
  };
}

// The path of one mark.
function trace(pen, shape, x, y, radius) {
  pen.beginPath();
  if (shape === 0) pen.arc(x, y, radius, 0, 2 * Math.PI);
  else if (shape === 2) pen.rect(x - radius / 1.12, y - radius / 1.12, (2 * radius) / 1.12, (2 * radius) / 1.12);
  else {
    const r = radius / 0.8;
    pen.moveTo(x, y - r);
    for (const [a, b] of [[r, 0], [0, r], [-r, 0]]) pen.lineTo(x + a, y + b);
    pen.closePath();
  }
}
