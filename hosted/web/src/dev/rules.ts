// Rules for the mock: enough of a check to show an error at its place and counts beside.

import type { AuditEntry, Keep, RuleCheck, RuleField } from '../api/types';
import { rfc3339 } from '../time';

export const FIELDS: RuleField[] = [
  ['caller', 'number or pattern', 'user part of From'], ['callee', 'number or pattern', 'user part of To'], ['number', 'number or pattern', 'caller or callee'],
  ['src', 'IP address or network', 'where the first INVITE came from'], ['dst', 'IP address or network', 'where the first INVITE went'], ['ip', 'IP address or network', 'src or dst'],
  ['domain', 'text', 'host part of From or To'], ['ua', 'text', 'User-Agent or Server of either side'], ['codec', 'text', 'codec in use, e.g. PCMU'],
  ['finding', 'text', 'code of a finding, e.g. one-way-audio'], ['status', 'number', 'last final status of the INVITE'], ['mos', 'number', 'the worst stream’s MOS'],
  ['loss', 'number', 'the worst stream’s loss, per cent'], ['duration', 'number', 'first INVITE to end, s'], ['sensor', 'number', 'id_sensor'], ['time', 'text', 'time of day, 22:00-06:00'],
].map(([name, type, doc]) => ({ name: name!, type: type!, doc: doc! }));
FIELDS.push({ name: 'transport', type: 'word', doc: 'what carries the signalling', words: ['udp', 'tcp', 'ws', 'tls', 'wss', 'sctp'] }, { name: 'direction', type: 'word', doc: 'by the group local', words: ['in', 'out', 'internal', 'transit'] });

export const TEXT = `# Everybody may change these; the note says why a rule is there.
group vip: 1001 1002 +4420*
group carriers: 198.51.100.0/24 2001:db8:7::/48

board:  keep none when number:(2000 2001)

vip:    keep rtp when caller:@vip or callee:@vip
        mask dtmf
        note "sales asked for it, ticket 4711"

# Whatever went wrong is kept, decided at the end of the call.
bad:    keep rtp when mos<3.5 or loss>2 or finding:one-way-audio
night:  keep headers when time:22:00-06:00 src:@carriers
        until 2026-12-31
rest:   keep sip
`;

export function check(text: string): RuleCheck {
  const names = FIELDS.map((f) => f.name);
  const rules: RuleCheck['rules'] = [];
  for (const [n, line] of text.split('\n').entries()) {
    const code = line.replace(/#.*/, '');
    for (const m of code.matchAll(/([a-z.\w-]+)(?=[:<>=~])/gi)) {
      if (m.index === 0 || /^(group|zone)/.test(code) || m[1]!.startsWith('header.') || names.includes(m[1]!) || /[:.\d]/.test(code[m.index - 1]!)) continue;
      const nearest = names.find((f) => f[0] === m[1]![0] && Math.abs(f.length - m[1]!.length) < 3) ?? '';
      const e = { line: n + 1, column: m.index + 1, found: `"${m[1]}"`, expected: 'a field', nearest };
      return wrong(e);
    }
    const rule = /^([\w-]+):\s*(?:keep\s+(none|sip|headers|rtp))?/.exec(code);
    if (rule && !rule[2]) {
      const e = { line: n + 1, column: rule[0].length + 1, found: 'the end', expected: '"keep"', nearest: '' };
      return wrong(e);
    }
    if (rule) rules.push({ name: rule[1]!, keep: rule[2] as Keep, calls: (rule[1]!.length * 137) % 411, bytes: rule[2] === 'none' ? 0 : ((rule[1]!.length * 137) % 411) * 1_204_311 });
  }
  return { ok: true, rules, checked: 2500, oldest: '2026-11-19T08:11:02.000000Z', unseen: [...text.matchAll(/header\.([\w-]+)/g)].map((m) => m[1]!) };
}

const wrong = (e: { line: number; column: number; found: string; expected: string; nearest: string }): RuleCheck => ({
  ok: false, error: { ...e, message: `${e.line}:${e.column}: found ${e.found}, expected ${e.expected}` }, rules: [], checked: 0, oldest: null, unseen: [],
});

export function audit(nowUS: number): AuditEntry[] {
  const entry = (n: number, user: string, action: string, object: string, bytes: number, detail: string): AuditEntry => ({ id: String(9000 - n), time: rfc3339(nowUS - n * 1234e6), user, addr: `192.0.2.${7 + (n % 3)}`, action, object, bytes, detail });
  return Array.from({ length: 420 }, (_, i) => {
    const n = i + 1;
    switch (n % 8) {
      case 0: return entry(n, 'admin', 'rules.change', `revision ${420 - n}`, 0, '');
      case 1: return entry(n, 'jana', 'audio.listen', '01a200df-ac34-739a-87f5-b109bd898c99', 412_044, 'side=both buffer=adaptive');
      case 2: return entry(n, 'jana', 'login', 'jana', 0, '');
      case 3: return entry(n, '', 'login-failed', 'root', 0, 'no such user');
      case 4: return entry(n, 'support-second-level', 'capture.download', '01a200df-ac34-739a-87f5-b109bd898c99', 12_345_678, 'bytes=0-');
      case 5: return entry(n, 'admin', 'user.role', 'jana', 0, 'user, rights listen download');
      case 6: return entry(n, 'admin', 'sensor.revoke', '01930000-0000-7000-8000-000000000003', 0, 'pbx-brno');
      default: return entry(n, 'jana', 'audio.open', '01a200df-ac34-739a-87f5-b109bd898c99', 0, 'peaks');
    }
  });
}
