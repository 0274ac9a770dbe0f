// A rule that keeps the next call like this one.

import type { CDR, Keep } from '../api/types';
import { host } from '../format';

export interface Condition {
  text: string; // in the rule language
  what: string; // in words
}

// conditionsOf lists what the call could be recognised by; the first is what is most likely meant.
export function conditionsOf(c: CDR): Condition[] {
  const out: Condition[] = [];
  const add = (what: string, text: string) => {
    if (!out.some((o) => o.text === text)) out.push({ what, text });
  };
  const dialled = /^\+?\d+$/;
  const number = (n: string) => (dialled.test(n) ? n.replace('+', '') : quote(n));
  for (const f of c.findings) if (f.severity === 'bad') add('finding', `finding:${f.code}`);
  const plain = [c.callee, c.caller].find((n) => dialled.test(n));
  if (plain) add('number on either side', `number:${number(plain)}`);
  if (c.caller) add('caller', `caller:${number(c.caller)}`);
  if (c.callee) add('called number', `callee:${number(c.callee)}`);
  if (c.src) add('source of the INVITE', `src:${host(c.src)}`);
  if (c.dst) add('destination of the INVITE', `dst:${host(c.dst)}`);
  if (c.caller_domain) add('domain of either side', `domain:${quote(c.caller_domain)}`);
  if (c.ua_caller) add('agent of either side', `ua:${quote(c.ua_caller)}`);
  if (c.ua_callee) add('agent of either side', `ua:${quote(c.ua_callee)}`);
  for (const codec of c.codecs) add('codec', `codec:${quote(codec)}`);
  if (c.mos !== null && c.mos < 3.6) add('bad quality', 'mos<3.6');
  if (c.loss_pct !== null && c.loss_pct > 1) add('loss, per cent', 'loss>1');
  if (c.status >= 300) add('final status', `status:${c.status}`);
  for (const f of c.findings) add('finding', `finding:${f.code}`);
  if (c.sensor_id) add('sensor', `sensor:${c.sensor_id}`);
  return out;
}

// quote puts a value in quotes where a bare word would end early or mean something else.
const quote = (v: string) => (/^[\w.+-]+$/.test(v) ? v : `"${v.replace(/["\\]/g, '\\$&')}"`);

// writeRule puts the rule together, under a name that text does not hold yet.
export function writeRule(conditions: string[], keep: Keep, text: string): string {
  const base = 'keep-' + (conditions[0]?.replace(/^(number|finding|caller|callee)[:<>=]+/, '').replace(/[^\w]+/g, '-').replace(/^-|-$/g, '').toLowerCase() || 'all');
  let name = base;
  for (let n = 2; names(text).includes(name); n++) name = `${base}-${n}`;
  return `${name}: keep ${keep}${conditions.length ? ' when ' + conditions.join(' ') : ''}`;
}

// suggestRule is the rule that is offered where nothing was kept.
export const suggestRule = (c: CDR) => writeRule(conditionsOf(c).slice(0, 1).map((x) => x.text), 'rtp', '');

const RULE = /^([^\s:#"]+)[^\S\n]*:/;

export const names = (text: string): string[] => text.split('\n').flatMap((l) => RULE.exec(l)?.[1] ?? []);

// lineOf is the line, from 1, where a rule begins; 0: there is none of this name.
export const lineOf = (text: string, name: string): number => text.split('\n').findIndex((l) => RULE.exec(l)?.[1] === name) + 1;

// insertRule puts a rule in front of the others (behind groups and zone, before the comment of the first rule) or behind them.
export function insertRule(text: string, rule: string, where: 'first' | 'last'): string {
  const lines = text.replace(/\n+$/, '').split('\n');
  if (lines.length === 1 && lines[0] === '') return rule + '\n';
  if (where === 'last') return [...lines, rule, ''].join('\n');
  let at = lines.findIndex((l) => RULE.test(l));
  if (at < 0) return [...lines, rule, ''].join('\n');
  while (at > 0 && lines[at - 1]!.startsWith('#')) at--;
  return [...lines.slice(0, at), rule, ...lines.slice(at), ''].join('\n');
}
