// The columns of the calls list: the usual ones and any other field of a record, by the names that exports and the API have.

import type { ComponentChildren } from 'preact';
import type { CDR } from '../api/types';
import { bytes, count, duration, interval, millis, NONE, percent } from '../format';
import { dateTime, micros, type Zone } from '../time';
import { Pill, Quality, SeverityIcon } from '../ui/bits';
import { Icon } from '../ui/icons';
import type { CallRow } from './callrows';

export interface Column {
  name: string; // as in the API
  head: string;
  doc?: string; // what the head does not say
  track: string; // of the grid
  least: number; // px that it needs
  mark: string; // its class
  cell: (row: CallRow, zone: Zone) => ComponentChildren;
  tip?: (row: CallRow) => string | undefined; // what the cell may be too narrow for
}

type Field = keyof CDR;

const text = (name: Field, head: string, least = 110, doc?: string): Column => ({
  name, head, ...(doc ? { doc } : {}), track: `minmax(${least}px, 1fr)`, least, mark: 'c-text',
  cell: (r) => words(r.fields[name]) || NONE, tip: (r) => words(r.fields[name]),
});
const figure = (name: Field, head: string, show: (v: number | null) => string, least = 84, doc?: string): Column => ({
  name, head, ...(doc ? { doc } : {}), track: `${least}px`, least, mark: 'c-n', cell: (r) => show((r.fields[name] as number | null | undefined) ?? null),
});
const moment = (name: Field, head: string, doc: string): Column => ({
  name, head, doc, track: '150px', least: 150, mark: 'c-text',
  cell: (r, zone) => {
    const us = micros(r.fields[name] as string | null);
    return us === null ? NONE : dateTime(us, zone);
  },
});
const flag = (name: Field, head: string, doc: string): Column => ({ name, head, doc, track: '84px', least: 84, mark: 'c-text', cell: (r) => (r.fields[name] ? 'yes' : NONE) });
const words = (v: unknown): string => (Array.isArray(v) ? v.join(' ') : v === undefined || v === null ? '' : String(v));

// The first is the link to the call; calls.tsx draws it.
export const USUAL: Column[] = [
  { name: 'start', head: 'Time', track: '150px', least: 150, mark: 'c-time', cell: () => null },
  { name: 'caller', head: 'From', track: 'minmax(132px, 0.8fr)', least: 132, mark: 'c-from', cell: (r) => r.caller, tip: (r) => r.caller },
  { name: 'callee', head: 'To', track: 'minmax(132px, 0.8fr)', least: 132, mark: 'c-to', cell: (r) => r.callee, tip: (r) => r.callee },
  { name: 'duration_ms', head: 'Duration', track: '58px', least: 58, mark: 'c-dur', cell: (r) => r.duration },
  { name: 'status', head: 'Status', track: 'minmax(124px, 1fr)', least: 124, mark: 'c-status', cell: (r) => <Pill tone={r.tone}>{r.status}</Pill>, tip: (r) => r.status },
  { name: 'mos', head: 'MOS', track: '86px', least: 86, mark: 'c-mos', cell: (r) => <Quality mos={r.mos} /> },
  { name: 'loss_pct', head: 'Loss', track: '54px', least: 54, mark: 'c-loss', cell: (r) => percent(r.loss) },
  { name: 'jitter_ms', head: 'Jitter', track: '58px', least: 58, mark: 'c-jit', cell: (r) => millis(r.jitter) },
  { name: 'codecs', head: 'Codec', track: '58px', least: 58, mark: 'c-codec', cell: (r) => r.codec || NONE, tip: (r) => r.codec },
  { name: 'end_cause', head: 'End', track: '106px', least: 106, mark: 'c-end', cell: (r) => r.end, tip: (r) => r.end },
  { name: 'sensor_id', head: 'Sensor', track: '46px', least: 46, mark: 'c-sensor', cell: (r) => r.sensor },
  {
    name: 'findings', head: 'Findings', track: 'minmax(140px, 1.15fr)', least: 140, mark: 'c-finding', tip: (r) => r.finding?.code,
    cell: (r) => r.finding && (
      <span class={`badge ${r.finding.severity}`}>
        <SeverityIcon severity={r.finding.severity} />
        <span class="code">{r.finding.code}</span>
        {r.finding.more > 0 && <small>+{r.finding.more}</small>}
      </span>
    ),
  },
  {
    name: 'kept', head: 'PCAP', track: '38px', least: 38, mark: 'c-pcap',
    cell: (r) => (r.kept === 'held' ? <Icon name="held" label="Packets are held until a rule decides" /> : r.kept && <Icon name="pcap" label={r.live ? 'PCAP is being kept' : 'PCAP kept'} />),
  },
];

const unchecked = (r: CallRow) => r.fields.unchecked?.flatMap((u) => u.codes).join(' ') ?? '';

const OTHERS: Column[] = [
  text('call_id', 'Call-ID', 180), text('caller_domain', 'From domain', 120), text('callee_domain', 'To domain', 120), text('caller_name', 'Name', 110, 'display name of the caller'),
  text('callee_uri', 'Dialled', 110, 'user part of the Request-URI'), text('src', 'Source', 150, 'where the INVITE came from'), text('dst', 'Destination', 150, 'where the INVITE went'), text('transport', 'Transport', 76),
  moment('ringing', 'Ringing', 'when the first 18x came'), moment('answer', 'Answer', 'when it was answered'), moment('end', 'End time', 'when it ended'),
  figure('connect_ms', 'Talk', duration, 64, 'answer to end'), figure('pdd_ms', 'PDD', interval, 74, 'post-dial delay'), figure('setup_ms', 'Setup', interval, 74, 'INVITE to 200'),
  text('reason', 'Reason', 120), text('end_by', 'Ended by', 84), text('ua_caller', 'Caller’s device', 130, 'User-Agent'), text('ua_callee', 'Callee’s device', 130, 'User-Agent or Server'), text('rule', 'Rule', 90, 'the capture rule that decided'),
  { name: 'capture_packets', head: 'Kept packets', track: '92px', least: 92, mark: 'c-n', cell: (r) => count(r.fields.capture?.packets) },
  { name: 'capture_bytes', head: 'Kept size', track: '84px', least: 84, mark: 'c-n', cell: (r) => bytes(r.fields.capture?.bytes) },
  figure('retransmissions', 'Resent', count, 66, 'SIP messages seen again'), flag('over_limit', 'Over limit', 'beyond the tenant’s channels'), flag('joined', 'Joined', 'its beginning was not seen'),
  { name: 'unchecked', head: 'Not checked', doc: 'findings that could not be looked for', track: 'minmax(110px, 1fr)', least: 110, mark: 'c-text', cell: (r) => unchecked(r) || NONE, tip: unchecked },
  text('group_id', 'Group', 130, 'of the conversation'), text('id', 'Id', 130),
];

export const COLUMNS = [...USUAL, ...OTHERS];

// chosen are the columns of a list of names; what is not known is left out, and of none the usual ones remain.
export function chosen(names: string[]): Column[] {
  const list = names.map((n) => COLUMNS.find((c) => c.name === n)).filter((c) => c !== undefined);
  return list.length ? list : USUAL;
}

export const isUsual = (list: Column[]) => list.length === USUAL.length && list.every((c, i) => c === USUAL[i]);
