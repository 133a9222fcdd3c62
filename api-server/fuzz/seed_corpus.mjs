// Writes each message of guard_cases.txt as a file for the fuzzer to start from. Long ones are left out: the fuzzer's bounds are small.
//
//     node api-server/fuzz/seed_corpus.mjs      # fills api-server/fuzz/corpus/guard
import { writeFileSync } from 'node:fs';
import { readCases } from '../tests/guard_cases.mjs';

for (const { name, message } of readCases()) {
  if (message.length > 1024) continue;
  const file = name.replace(/[^a-zA-Z0-9]+/g, '-').toLowerCase();
  writeFileSync(new URL(`corpus/guard/${file}`, import.meta.url), message);
}
