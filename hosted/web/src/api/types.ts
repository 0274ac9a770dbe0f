// The nouns of package protocol (protocol/*.go) and of hosted's API, by their JSON names. Times are RFC 3339 in UTC with
// microseconds, null when the thing did not happen; durations are milliseconds.

export type Time = string;

export type EndCause =
  | 'bye' | 'cancel' | 'rejected' | 'no-answer' | 'timeout-rtp' | 'timeout-bye' | 'timeout-max' | 'unterminated' | 'interrupted';
export type Party = 'caller' | 'callee' | 'sensor' | 'unknown';
export type Direction = 'from-caller' | 'from-callee' | 'unknown';
export type Severity = 'info' | 'warn' | 'bad';
export type Keep = 'none' | 'sip' | 'headers' | 'rtp';
export type State = 'trying' | 'ringing' | 'up' | 'hold' | 'ended';

export interface CDR {
  id: string;
  call_id: string;
  group_id: string;
  sensor_id: number;
  caller: string;
  callee: string;
  caller_domain: string;
  callee_domain: string;
  caller_name: string;
  callee_uri: string;
  src: string;
  dst: string;
  transport: string;
  start: Time | null;
  ringing: Time | null;
  answer: Time | null;
  end: Time | null;
  duration_ms: number;
  connect_ms: number | null;
  pdd_ms: number | null;
  setup_ms: number | null;
  status: number;
  reason: string;
  end_cause: EndCause | '';
  end_by: Party | '';
  ua_caller: string;
  ua_callee: string;
  codecs: string[];
  mos: number | null;
  loss_pct: number | null;
  jitter_ms: number | null;
  streams: Stream[];
  messages: Message[];
  findings: Finding[];
  rule: string;
  capture: Capture;
  over_limit: boolean;
  retransmissions: number;
  messages_omitted: number;
  streams_omitted: number;
  unchecked: Unchecked[];
  dtmf_info: string; // digits sent by INFO, in order; those in RTP are in the streams
  joined?: boolean; // the first INVITE was not seen: start is that of the first message seen
  parties_assumed?: boolean; // nothing told who called: caller and callee may be the other way round
}

export interface MOS {
  avg: number;
  min: number;
}

export interface Stream {
  src: string;
  dst: string;
  ssrc: string;
  payload_type: number;
  codec: string;
  clock_rate: number;
  direction: Direction;
  first: Time | null;
  last: Time | null;
  packets: number;
  expected: number;
  lost: number;
  loss_pct: number;
  duplicates: number;
  reordered: number;
  jitter_mean_ms: number;
  jitter_max_ms: number;
  delta_max_ms: number;
  skew_ms: number;
  bursts: number[];
  pdv: number[];
  mos_f1: MOS | null;
  mos_f2: MOS | null;
  mos_adapt: MOS | null;
  rtcp: { rtt_ms: number | null; loss_max_pct: number | null; jitter_max_ms: number | null } | null;
  dtmf: string;
  encrypted: boolean;
  intervals: Interval[] | null;
  ptime_ms: number;
  dscp: number;
  media: string;
  dtmf_inband?: string; // digits heard as tones within the voice
  tones?: string[]; // of machines, heard within the voice: cng, ced, ansam, v21
  mos_basis?: 'itu' | 'provisional' | 'assumed'; // where the codec's figures come from
  via?: 'turn'; // seen between a client and its TURN server
  relayed?: string; // the address that the server relays by
  keying?: 'sdes' | 'dtls' | 'zrtp'; // how the keys of SRTP were agreed
}

export interface Interval {
  t: Time;
  packets: number;
  lost: number;
  jitter_ms: number;
  mos: number;
}

export interface Message {
  t: Time;
  src: string;
  dst: string;
  first_line: string;
  cseq: string;
  retransmission: boolean;
  sdp: string;
}

export interface Finding {
  code: string;
  severity: Severity;
  text: string;
  evidence: string;
  remedy: string;
  messages?: number[]; // places in the call's messages and streams in which it was found
  streams?: number[];
}

// Findings that could not be looked for, and why: that they are absent says nothing.
export interface Unchecked {
  reason: string;
  codes: string[];
}

export interface Capture {
  kept: Keep;
  packets: number;
  bytes: number;
  no_audio?: boolean; // the rule says that it may not be listened to
  partial?: boolean; // packets are missing that the rule wants: there was no room for them
}

export interface LiveCall {
  id: string;
  call_id: string;
  group_id: string;
  sensor_id: number;
  state: State;
  caller: string;
  callee: string;
  src: string;
  dst: string;
  transport: string;
  start: Time | null;
  answer: Time | null;
  end: Time | null;
  status: number;
  codec: string;
  pdd_ms: number | null;
  mos: number | null;
  loss_pct: number | null;
  jitter_ms: number | null;
  packets: number;
  finding: string;
  severity: Severity | '';
  kept: Keep | '';
  held?: Keep; // undecided: the most of its packets that may be kept yet; the sensor holds them
  rule: string;
  joined?: boolean; // its first INVITE was not seen
}

export interface LiveUpdate {
  t: Time | null;
  snapshot?: boolean;
  calls?: LiveCall[];
  gone?: string[];
  counters?: Record<string, number>;
}

export interface Problem {
  code: string;
  title: string;
  status: number;
  detail?: string;
  remedy?: string;
  fields?: Record<string, string>;
}

export type Role = 'admin' | 'user' | 'viewer';
export type Right = 'listen' | 'download' | 'rules' | 'numbers' | 'export'; // to see is everybody's, with numbers masked

export interface User {
  name: string;
  role: Role;
  tenant: string;
  rights: Right[];
  way?: Way; // how the session was opened
  managed?: boolean; // an OpenID provider says what the user may do
}

export type Way = 'password' | 'oidc';

// An OpenID provider that people may log in through.
export interface Provider {
  id: string; // "": the service's own; the others are of tenants
  name: string;
  available: boolean; // it answers
  login: string; // where a browser begins
  logout: string; // where its own session is ended, ""
}

// A session of one's own.
export interface OpenSession {
  id: string;
  current: boolean; // this browser's
  way: Way;
  addr: string;
  agent: string; // what the browser called itself at the log-in
  created: Time;
  seen: Time;
  expires: Time;
}

// An API token of one's own, without its secret.
export interface Token {
  id: string;
  label: string;
  rights: Right[] | null; // null: all that its user may do
  scope: TokenScope;
  created: Time;
  expires: Time | null;
  used: Time | null; // to five minutes
}

export type TokenScope = '' | 'mcp'; // mcp: for assistants only

export interface TokenWish {
  label: string;
  rights?: Right[];
  scope: TokenScope;
  expires?: Time;
}

// Whom the OpenID provider's user stands for.
export interface ProviderLink {
  issuer: string;
  subject: string;
  created: Time;
}

// A user of the tenant, as an administrator sees it.
export interface Account {
  name: string;
  role: Role;
  rights: Right[];
  disabled?: '' | 'admin' | 'provider'; // by whom; '': the user may log in
  vouched?: Time | null; // when an OpenID provider last said what the user may do
  created?: Time | null;
  password?: string; // of a new user for whom one was made
}

export interface AuditEntry {
  id: string; // of the entry; `after` asks for those before it
  time: Time;
  user: string;
  addr: string;
  action: string;
  object: string;
  bytes: number;
  detail: string;
}

export interface CallPage {
  calls: CDR[];
  next: string;
  searched?: Time; // the page is not full: older calls were not looked at yet, next goes on there
}

export interface Sensor {
  uuid: string;
  id_sensor: number;
  name: string;
  version: string;
  os: string;
  arch: string;
  online: boolean;
  node: string; // of hosted, that holds its link; "" where there is one alone, or none
  addr: string;
  enrolled: Time | null;
  last_seen: Time | null;
  last_cdr: Time | null;
  cdrs: number;
  revoked: boolean;
  source: string;
  running: number | null; // calls; null while offline
  queue: number | null; // CDRs that wait on the sensor; null while offline
  problems: Problem[] | null;
  capabilities: string[]; // "listen" and "download" among others, unless its owner switched them off; "direct" if its owner switched it on
  local_rule_revision: number; // of its own rules, 0: it has none
  hosted_rule_revision: number; // of the tenant's rules that it has in force, 0: none
  rules_current: boolean; // the newest of the tenant's rules are in force there
  rules_problem: Problem | null; // why they are not
  health_at: Time | null; // when the following was said; null: never
  started: Time | null; // its process
  over_limit: number | null; // running calls beyond the channels
  packets: number | null; // since it started
  drops: number | null; // packets and messages that were lost before it looked at them
  lag_ms: number | null; // age of the oldest call record that waits
  lost_cdrs: number | null; // call records that were dropped because its disk was full
  spool: { bytes: number; max_bytes: number; max_days: number; free: number; stopped: string } | null;
  clock_skew_ms: number | null;
  rtt_ms: number | null;
  last_error: Problem | null;
}

export interface EnrolToken {
  token: string;
  expires: Time;
  server: string; // host:port that sensors dial
}

// The tenant's capture rules, or a sensor's local ones.
export interface Rules {
  revision: number; // 0: none were written yet
  text: string;
  author: string;
  changed: Time | null;
}

// What a sensor has in force: its own rules, and beside them those of the tenant.
export interface SensorRules {
  revision: number;
  text: string;
  hosted?: { revision: number; text: string; problem?: Problem | null } | null;
}

export interface RuleError {
  line: number; // from 1
  column: number; // from 1, in characters
  found: string;
  expected: string;
  nearest: string; // the valid word that was probably meant, ""
  message: string;
}

export interface RuleCount {
  name: string;
  keep: Keep;
  calls: number; // of the past calls that were looked at, those for which this rule decides
  bytes: number; // what it would have kept of them, estimated
}

export interface RuleCheck {
  ok: boolean;
  error?: RuleError;
  rules: RuleCount[];
  checked: number; // past calls that were tried, the newest
  oldest: Time | null; // end of the oldest of them
  unseen: string[]; // header fields that conditions ask for and records of past calls do not have
}

// A revision of the tenant's rules.
export interface RuleRevision {
  revision: number;
  author: string;
  changed: Time | null;
}

export interface RuleField {
  name: string;
  type: string;
  doc: string;
  words?: string[] | null;
}

// The waveform of a call: for each of so many equal spans of time the least and the greatest sample of a side.
export interface Peaks {
  start: Time; // when the first sample was captured
  duration_ms: number;
  sample_rate: number;
  points: number;
  sides: SidePeaks[];
  missing: MissingSide[] | null;
}

export type Side = 'caller' | 'callee';

export interface SidePeaks {
  side: Side;
  codecs: string[] | null;
  min: number[]; // -1..1
  max: number[];
  lost: number[]; // packets that were not played: lost, or too late for the jitter buffer
}

// Why a side is silent although there was voice.
export interface MissingSide {
  side: Side;
  code: string;
  codec?: string;
  detail: string;
}
