// Compares the guard with llhttp in its strict mode (Node's own parser) on the same bytes. What the guard accepts and llhttp refuses, or reads
// as another number of messages, another method, connection end or body, is a bug of the guard: it is printed, and the exit status is 1.
//
//     node api-server/tests/compare_llhttp.mjs                              # the messages of guard_cases.txt against what is expected there
//     node api-server/tests/compare_llhttp.mjs /tmp/print_guard FOLDER...   # every file in the folders against what fuzz/print_guard.c says
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { readCases } from './guard_cases.mjs';

const { HTTPParser, methods } = createRequire(import.meta.url)('_http_common');

// Differences that are meant: what the guard serves of HTTP/1.0 it always closes, and Upgrade it only knows as a whole WebSocket.
function withLlhttp(bytes) {
  const messages = [];
  let upgraded = false;
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {}, 1 << 20, 0);
  parser[HTTPParser.kOnHeadersComplete] = (major, minor, headers, method, url, code, reason, upgrade, keepAlive) => {
    messages.push({ version: `${major}.${minor}`, method: methods[method], keepAlive, body: '', done: false });
    upgraded ||= upgrade;
    return 0;
  };
  parser[HTTPParser.kOnBody] = (part) => { messages.at(-1).body += part.toString('latin1'); };
  parser[HTTPParser.kOnMessageComplete] = () => { messages.at(-1).done = true; };
  const result = parser.execute(bytes);
  return { messages: messages.filter((m) => m.done), error: result instanceof Error ? result.code : null, upgraded };
}

// Cuts a transcript by its first line; a body may hold line ends itself, so it is compared as a prefix of what is left.
function difference(transcript, seen) {
  let rest = transcript;
  for (const [i, message] of seen.messages.entries()) {
    const line = /^([A-Z]+) [^ \n]*(?: @[^ \n]*)?( 1\.0)?( close)?(?: continue)?(?: websocket)?(?: body=|(?=\n))/.exec(rest);
    if (!line) return null; // the guard was stricter, or stopped earlier
    if (line[1] !== message.method) return `message ${i}: llhttp reads ${message.method}`;
    if (!line[2] && !line[3] !== message.keepAlive) return `message ${i}: llhttp ${message.keepAlive ? 'keeps' : 'closes'} the connection`;
    rest = rest.slice(line[0].length);
    if (!rest.startsWith(message.body + '\n')) return `message ${i}: llhttp reads the body ${JSON.stringify(message.body.slice(0, 60))}`;
    rest = rest.slice(message.body.length + 1);
    if (seen.upgraded || line[3] || line[2]) return null; // llhttp stops reading here; a server would too
  }
  const more = /^[A-Z]+ /.test(rest);
  if (more && seen.error) return `llhttp refuses what the guard accepts: ${seen.error}`;
  return more ? 'llhttp reads fewer messages' : null;
}

function* inputs(program, folders) {
  if (!program) {
    for (const c of readCases()) yield { ...c, transcript: c.expected.map((line) => line + '\n').join('') };
    return;
  }
  for (const folder of folders) {
    const names = readdirSync(folder).map((name) => `${folder}/${name}`);
    for (let at = 0; at < names.length; at += 500) {
      const batch = names.slice(at, at + 500);
      let out = execFileSync(program, batch, { maxBuffer: 1 << 28 }).toString('latin1');
      for (const name of batch) {
        const end = out.indexOf('\n') + 1, length = Number(out.slice(0, end));
        yield { name, message: readFileSync(name), transcript: out.slice(end, end + length) };
        out = out.slice(end + length);
      }
    }
  }
}

let compared = 0, accepted = 0, different = 0;
for (const { name, message, transcript } of inputs(process.argv[2], process.argv.slice(3))) {
  compared++;
  if (/^[A-Z]+ /.test(transcript)) accepted++;
  const why = difference(transcript, withLlhttp(message));
  if (!why) continue;
  different++;
  console.log(`${name}: ${why}\n  ${JSON.stringify(message.toString('latin1').slice(0, 200))}\n  ${JSON.stringify(transcript.slice(0, 200))}`);
}
console.log(`${compared} compared, ${accepted} accepted by the guard, ${different} different`);
process.exitCode = different || !compared ? 1 : 0;
