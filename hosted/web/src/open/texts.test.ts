import { describe, expect, test } from 'vitest';
import type { Message } from '../api/types';
import { meaning } from './counters';
import { isKeyLog } from './keylog';
import { asGiven, lines, whole, type Text } from './texts';

const text = (t: string, src: string, first: string): Text => ({ t, src, dst: 'b:5060', transport: 'udp', text: `${first}\r\nVia: x\r\n\r\n` });
const message = (t: string, src: string, first_line: string): Message => ({ t, src, dst: 'b:5060', first_line, cseq: '', retransmission: false, sdp: '' });

describe('the whole of a message', () => {
  const texts = [text('1', 'a:5060', 'SIP/2.0 100 Trying'), text('1', 'a:5060', 'SIP/2.0 180 Ringing'), text('2', 'a:5060', 'SIP/2.0 200 OK'), text('2', 'c:5060', 'BYE sip:x SIP/2.0')];
  test.each([
    ['of several at one time', message('1', 'a:5060', 'SIP/2.0 180 Ringing'), 1], ['by its way', message('2', 'c:5060', 'BYE sip:x SIP/2.0'), 3],
    ['whose first line is written differently', message('2', 'a:5060', 'SIP/2.0 200 Okay'), 2], ['that is not there', message('3', 'a:5060', 'SIP/2.0 200 OK'), -1],
  ])('%s', (_, m, at) => expect(whole(m, texts)).toBe(texts[at] ?? null));
});

test('captures have the names that they were given', () => expect(asGiven('open capture /capture/0/a.pcap: not as /capture/12/b.pcap')).toBe('open capture a.pcap: not as b.pcap'));

test('a message has a start line, headers, and a body that may look like headers', () => {
  expect(lines('INVITE sip:1 SIP/2.0\r\nVia: a\r\nTo : <sip:b>\r\n more\r\n\r\nv=0\r\na:b\r\n')).toEqual([
    { kind: 'start', name: '', rest: 'INVITE sip:1 SIP/2.0' }, { kind: 'header', name: 'Via:', rest: ' a' }, { kind: 'header', name: 'To :', rest: ' <sip:b>' }, { kind: 'header', name: '', rest: ' more' },
    { kind: 'body', name: '', rest: '' }, { kind: 'body', name: '', rest: 'v=0' }, { kind: 'body', name: '', rest: 'a:b' },
  ]);
});

test.each([
  ['CLIENT_RANDOM 0a1b 2c3d\n', true], ['# SSL/TLS secrets log file\nCLIENT_HANDSHAKE_TRAFFIC_SECRET 0a 0b\n', true], ['SERVER_TRAFFIC_SECRET_0 0a 0b', true],
  ['\xd4\xc3\xb2\xa1\x02\x00\x04\x00', false], ['\n\r\r\n\0\0CLIENT_RANDOM 0a 0b\n', false], ['these are notes about CLIENT_RANDOM\n', false], ['', false],
])('%j is a key log: %s', async (content, want) => expect(await isKeyLog(new Blob([content]))).toBe(want));

test('counters have a line each, or none', () => {
  expect(meaning('tls.streams')).toContain('key log');
  expect(meaning('decode.linktype.147')).toContain('link type');
  expect(meaning('some.thing')).toBe('');
});
