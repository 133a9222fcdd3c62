// Reads guard_cases.txt, as test_guard.c does: [{name, message: Buffer, expected: [lines]}].
import { readFileSync } from 'node:fs';

const letters = { r: '\r', n: '\n', t: '\t', 0: '\0', s: ' ', '\\': '\\' };

// Text here holds one byte a character (latin1).
const unescapePlain = (text) =>
  text.replace(/\\(?:x([0-9a-f]{2})|(.))/g, (_, hex, letter) => (hex ? String.fromCharCode(parseInt(hex, 16)) : letters[letter]));

const unescape = (text) =>
  text
    .split(/(\\\*\{\d+,[^}]*\})/)
    .map((part) => {
      const repeated = /^\\\*\{(\d+),([^}]*)\}$/.exec(part);
      return repeated ? unescapePlain(repeated[2]).repeat(Number(repeated[1])) : unescapePlain(part);
    })
    .join('');

export function readCases() {
  const cases = [];
  for (const line of readFileSync(new URL('guard_cases.txt', import.meta.url), 'latin1').split('\n')) {
    const text = line.slice(2);
    if (line[0] === '=') cases.push({ name: text, message: '', expected: [] });
    if (line[0] === '>') cases.at(-1).message += unescape(text);
    if (line[0] === '<' && text) cases.at(-1).expected.push(...unescape(text).split('\n'));
  }
  return cases.map((c) => ({ ...c, message: Buffer.from(c.message, 'latin1') }));
}
