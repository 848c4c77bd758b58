/** A table in Markdown; numbers stand on the right. @param {(string | number)[][]} rows the first is the head */
export function table(rows) {
  const isNumber = (cell) => /^-?[\d.,]+$/.test(String(cell));
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const [head, ...body] = rows;
  const rule = `|${head.map((_, column) => (body.length > 0 && body.every((row) => isNumber(row[column])) ? '---:' : '---')).join('|')}|`;
  return [line(head), rule, ...body.map(line)].join('\n');
}
