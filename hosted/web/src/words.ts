// The field's words for what the API's codes mean.

import type { CDR, EndCause, Keep, LiveCall, Party, State } from './api/types';

// Grade of a MOS: the words and limits of protocol.GradeOf (ITU-T G.107 annex B, user satisfaction): 4.03 satisfied, 3.60 some dissatisfied,
// 3.10 many dissatisfied.
export type Grade = 'good' | 'fair' | 'poor' | 'bad' | 'none';

export function grade(mos: number | null | undefined): Grade {
  if (mos == null || mos === 0) return 'none';
  if (mos >= 4.03) return 'good';
  if (mos >= 3.6) return 'fair';
  if (mos >= 3.1) return 'poor';
  return 'bad';
}

// Phrases of RFC 3261 section 21 and the registry's later additions that are met in practice; for a status whose message
// carried no phrase.
const PHRASES: Record<number, string> = {
  100: 'Trying', 180: 'Ringing', 181: 'Forwarded', 182: 'Queued', 183: 'Session Progress', 199: 'Early Dialog Terminated', 200: 'OK', 202: 'Accepted',
  300: 'Multiple Choices', 301: 'Moved Permanently', 302: 'Moved Temporarily', 305: 'Use Proxy', 380: 'Alternative Service',
  400: 'Bad Request', 401: 'Unauthorized', 402: 'Payment Required', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 406: 'Not Acceptable',
  407: 'Proxy Authentication Required', 408: 'Request Timeout', 410: 'Gone', 413: 'Request Entity Too Large', 415: 'Unsupported Media Type', 416: 'Unsupported URI Scheme',
  420: 'Bad Extension', 421: 'Extension Required', 422: 'Session Interval Too Small', 423: 'Interval Too Brief', 433: 'Anonymity Disallowed', 480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist', 482: 'Loop Detected', 483: 'Too Many Hops', 484: 'Address Incomplete', 485: 'Ambiguous', 486: 'Busy Here', 487: 'Request Terminated',
  488: 'Not Acceptable Here', 491: 'Request Pending', 493: 'Undecipherable', 500: 'Server Internal Error', 501: 'Not Implemented', 502: 'Bad Gateway', 503: 'Service Unavailable',
  504: 'Server Time-out', 505: 'Version Not Supported', 513: 'Message Too Large', 600: 'Busy Everywhere', 603: 'Decline', 604: 'Does Not Exist Anywhere', 606: 'Not Acceptable',
  607: 'Unwanted', 608: 'Rejected',
};

export function status(code: number, reason = ''): string {
  if (!code) return 'no final answer';
  return `${code} ${reason || PHRASES[code] || ''}`.trim();
}

export type Tone = 'ok' | 'info' | 'warn' | 'bad' | 'quiet';

// statusTone: an answered call is fine, a busy or cancelled one is nobody's fault, the rest is worth a look.
export function statusTone(code: number): Tone {
  if (code >= 200 && code < 300) return 'ok';
  if (code === 0 || code < 200 || code === 486 || code === 487 || code === 600 || code === 603) return 'quiet';
  return code >= 500 && code < 600 ? 'bad' : 'warn';
}

const CAUSES: Record<EndCause, string> = {
  bye: 'hung up', cancel: 'cancelled', rejected: 'rejected', 'no-answer': 'not answered', 'timeout-rtp': 'RTP stopped', 'timeout-bye': 'fell silent',
  'timeout-max': 'longest time', unterminated: 'end not seen', interrupted: 'sensor stopped',
};

// causeWord is an ending in a word or two, for lists.
export function causeWord(c: EndCause | '', by: Party | '' = ''): string {
  if (c === 'bye' && (by === 'caller' || by === 'callee')) return `${by} hung up`;
  return c ? (CAUSES[c] ?? c) : '';
}

const WHO: Record<Party, string> = { caller: 'the caller', callee: 'the called party', sensor: 'the sensor', unknown: 'an unknown side' };

// ending tells in a sentence how a call ended and by whom.
export function ending(c: CDR): string {
  const by = c.end_by && c.end_by !== 'unknown' ? WHO[c.end_by] : '';
  switch (c.end_cause) {
    case 'bye': return by ? `${cap(by)} hung up` : 'Hung up; which side is not known';
    case 'cancel': return by ? `${cap(by)} cancelled before an answer` : 'Cancelled before an answer';
    case 'rejected': return `Rejected with ${status(c.status, c.reason)}`;
    case 'no-answer': return 'No answer to the INVITE';
    case 'timeout-rtp': return 'Ended by the sensor: no RTP for the time that rtptimeout allows, and no BYE';
    case 'timeout-bye': return 'Ended by the sensor: it had no RTP, or was on hold, and nothing was seen of it for the time that sipwithoutrtptimeout allows, no BYE either';
    case 'timeout-max': return 'Ended by the sensor: longer than the longest call it follows';
    case 'unterminated': return 'The end was not seen: the capture ended first';
    case 'interrupted': return 'The sensor was stopped during the call';
    case '': return c.end ? 'How it ended is not recorded' : 'Running';
  }
}

const cap = (s: string) => s.charAt(0).toUpperCase() + s.slice(1);

export const KEPT: Record<Keep, string> = { none: 'nothing', sip: 'SIP', headers: 'SIP and RTP headers', rtp: 'SIP and RTP' };

const STATES: Record<State, string> = { trying: 'trying', ringing: 'ringing', up: 'up', hold: 'on hold', ended: 'ended' };
export const stateWord = (c: LiveCall) => STATES[c.state] ?? c.state;
