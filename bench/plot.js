// Plots as SVG: bars of medians with their quartiles, and lines on two logarithmic scales. Their colours are those of the
// reader's theme.
const font = 'font-family="system-ui, sans-serif" font-size="13"';
const style = `<style>
.page { fill: #ffffff } .text { fill: #1f2328 } .ours { fill: #0969da } .other { fill: #afb8c1 }
.line { stroke: #57606a } .line-ours { stroke: #0969da } .grid { stroke: #d0d7de }
@media (prefers-color-scheme: dark) {
.page { fill: #1b1b1f } .text { fill: #e6edf3 } .ours { fill: #4493f8 } .other { fill: #6e7681 }
.line { stroke: #b1bac4 } .line-ours { stroke: #4493f8 } .grid { stroke: #3d444d }
}
</style>`;
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

export const number = (value) =>
  value >= 100
    ? value.toFixed(0)
    : value >= 10
      ? value.toFixed(1)
      : value >= 1
        ? value.toFixed(2)
        : value === 0
          ? '0'
          : value.toPrecision(2);

function svg(width, height, title, body) {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" ${font}>
<title>${escape(title)}</title>
${style}
<rect class="page" width="${width}" height="${height}"/>
${body.join('\n')}
</svg>
`;
}

const text = (x, y, content, extra = '') =>
  `<text class="text" x="${x}" y="${y}"${extra === '' ? '' : ` ${extra}`}>${escape(content)}</text>`;

/**
 * A row may say more than its value and the unit.
 *
 * @param {string} title @param {{ name: string, median: number, low: number, high: number, ours: boolean, label?: string
 * }[]} rows @param {string} unit
 */
export function bars(title, rows, unit = ' ms') {
  const [left, width, row, top] = [190, 720, 28, 40];
  const right = rows.some(({ label }) => label !== undefined) ? 270 : 90;
  const most = Math.max(...rows.map(({ high }) => high)) || 1;
  const scale = (value) => left + (value / most) * (width - left - right);
  const body = [text(12, 24, title, 'font-weight="600"')];
  for (const [index, { name, median, low, high, ours, label }] of rows.entries()) {
    const y = top + index * row;
    const middle = y + row / 2 - 2;
    body.push(text(left - 8, middle + 5, name, 'text-anchor="end"'));
    body.push(
      `<rect x="${left}" y="${y + 3}" width="${(scale(median) - left).toFixed(1)}" height="${row - 10}" class="${ours ? 'ours' : 'other'}"/>`,
    );
    body.push(
      `<path d="M${scale(low).toFixed(1)} ${middle}H${scale(high).toFixed(1)}" class="line" stroke-width="2"/>`,
    );
    body.push(text((scale(Math.max(high, median)) + 8).toFixed(1), middle + 5, label ?? `${number(median)}${unit}`));
  }
  return svg(width, top + rows.length * row + 12, title, body);
}

/**
 * @param {string} title @param {string} unit of x @param {{ name: string, points: [number, number][], ours: boolean
 * }[]} lines
 */
export function lines(title, unit, lines) {
  const [left, top, right, bottom, width, height] = [70, 44, 20, 44, 720, 400];
  const all = lines.flatMap(({ points }) => points);
  const axis = (index, from, to) => {
    const logs = all.map((point) => Math.log10(point[index]));
    const [low, high] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))];
    const at = (value) => from + ((Math.log10(value) - low) / (high - low || 1)) * (to - from);
    return { at, ticks: Array.from({ length: high - low + 1 }, (_, step) => 10 ** (low + step)) };
  };
  const x = axis(0, left, width - right);
  const y = axis(1, height - bottom, top);
  const body = [text(12, 24, title, 'font-weight="600"')];
  const label = (value) => (value >= 1e4 || value < 1e-2 ? `10^${Math.log10(value).toFixed(0)}` : String(value));
  for (const tick of x.ticks)
    body.push(text(x.at(tick).toFixed(1), height - bottom + 18, label(tick), 'text-anchor="middle"'));
  for (const tick of y.ticks) {
    body.push(
      `<path d="M${left} ${y.at(tick).toFixed(1)}H${width - right}" class="grid"/>`,
      text(left - 8, (y.at(tick) + 4).toFixed(1), label(tick), 'text-anchor="end"'),
    );
  }
  body.push(text(width - right, height - 8, `${unit}; vertically milliseconds`, 'text-anchor="end"'));
  for (const [index, { name, points, ours }] of lines.entries()) {
    body.push(
      `<path d="${points.map(([a, b], step) => `${step === 0 ? 'M' : 'L'}${x.at(a).toFixed(1)} ${y.at(b).toFixed(1)}`).join('')}" fill="none" class="${ours ? 'line-ours' : 'line'}" stroke-width="2"/>`,
    );
    body.push(
      `<text class="${ours ? 'ours' : 'text'}" x="${left + 12}" y="${top + 16 + index * 18}">${escape(name)}</text>`,
    );
  }
  return svg(width, height, title, body);
}
