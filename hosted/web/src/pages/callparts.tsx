// The parts of a call's page that need nothing but its record.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { CDR, Finding, Message, Sensor } from '../api/types';
import { duration, interval, NONE, party } from '../format';
import { Ladder, MessageTable, type Picking } from '../ladder/ladder';
import { usePrefs } from '../prefs';
import { offset, micros, timesIn, zoneName } from '../time';
import { byWeight, Copy, Moment, Pill, Quality, SEVERITY_WORD, SeverityIcon, useNow } from '../ui/bits';
import { Icon } from '../ui/icons';
import { ending, status, statusTone } from '../words';
import { useConversation, type Records } from './legs';
import { whyNoFindings, whyNoMessages } from './reasons';

const NO_LEGS: CDR[] = [];

export function CallHead({ cdr }: { cdr: CDR }) {
  const { zone } = usePrefs();
  const now = useNow(1000);
  const start = micros(cdr.start);
  const running = !cdr.end;
  const ms = running && start !== null ? (now - start) / 1000 : cdr.duration_ms;
  return (
    <header class="call-head">
      <h1>
        <span>{party(cdr.caller, cdr.caller_name, cdr.caller_domain)}</span>
        <span class="to" aria-label="to">→</span>
        <span>{party(cdr.callee || cdr.callee_uri, '', cdr.callee_domain)}</span>
        {cdr.caller_name && cdr.caller && <small>{cdr.caller_name}</small>}
      </h1>
      <p class="line">
        {running ? <Pill tone="info">running</Pill> : <Pill tone={statusTone(cdr.status)}>{status(cdr.status, cdr.reason)}</Pill>}
        {cdr.mos !== null && <Quality mos={cdr.mos} />}
        <span>
          <Moment t={cdr.start} decimals={3} /> <small class="quiet">{zoneName(zone)}{zone === 'local' && start !== null && ` ${offset(start, zone)}`}</small>
        </span>
        <span><strong>{duration(ms)}</strong>{cdr.connect_ms !== null && cdr.connect_ms !== cdr.duration_ms && <span class="quiet">, {duration(cdr.connect_ms)} connected</span>}</span>
        {!running && <span>{ending(cdr)}</span>}
      </p>
      {cdr.over_limit && <p class="notice warn">Over the tenant’s limit of concurrent channels: made from SIP alone, without media analysis.</p>}
    </header>
  );
}

export function Findings({ cdr }: { cdr: CDR }) {
  return (
    <section class="panel" aria-labelledby="findings">
      <h2 id="findings">Findings</h2>
      {cdr.findings.length === 0 ? (
        <p class="quiet"><span class="severity ok"><Icon name="ok" /></span> {whyNoFindings(cdr)}</p>
      ) : (
        <ul class="findings">
          {byWeight(cdr.findings).map((f) => <FindingItem key={f.code + f.evidence} f={f} />)}
        </ul>
      )}
      {cdr.unchecked.length > 0 && (
        <details class="unchecked">
          <summary>Not checked: {cdr.unchecked.map((u) => u.reason).join('; ')}</summary>
          <ul>
            {cdr.unchecked.map((u) => (
              <li key={u.reason}>
                {u.reason}: <span class="quiet">{u.codes.join(', ')}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function FindingItem({ f }: { f: Finding }) {
  return (
    <li class={f.severity}>
      <SeverityIcon severity={f.severity} />
      <div>
        <strong>{f.text}</strong>
        {f.evidence && <p class="evidence">{withTimes(f.evidence)}</p>}
        {f.remedy && <p>{f.remedy}</p>}
        <p class="quiet">
          <code>{f.code}</code> · {SEVERITY_WORD[f.severity]}
        </p>
      </div>
    </li>
  );
}

// withTimes shows the times in a text in the zone of the page.
function withTimes(text: string): ComponentChildren[] {
  return timesIn(text).map((part, i) => (i % 2 ? <Moment key={i} t={part} decimals={3} /> : part));
}

interface SignallingProps {
  cdr: CDR;
  legs?: CDR[]; // of its conversation
  from?: Records;
  picking?: Picking; // for where messages can be shown whole
  below?: (of: (m: Message) => CDR, shown: CDR) => ComponentChildren; // the ladder: a message that was picked
}

// Signalling is the ladder of a call, or of all legs of its conversation.
export function Signalling({ cdr: own, legs = NO_LEGS, from, picking, below }: SignallingProps) {
  const [table, setTable] = useState(false);
  const [all, setAll] = useState(false);
  const conversation = useConversation(legs, all, from);
  const cdr = conversation?.whole ?? own;
  return (
    <section class="panel signalling" aria-labelledby="signalling">
      <div class="panel-head">
        <h2 id="signalling">Signalling</h2>
        {cdr.retransmissions > 0 && <Pill tone="warn">{cdr.retransmissions} sent again</Pill>}
        {legs.length > 1 && (
          <div class="segments" role="group" aria-label="Legs">
            <button type="button" aria-pressed={!all} onClick={() => setAll(false)}>This leg</button>
            <button type="button" aria-pressed={all} onClick={() => setAll(true)} data-action="all-legs">{legs.length === 2 ? 'Both legs' : `All ${legs.length} legs`}</button>
          </div>
        )}
        <div class="segments" role="group" aria-label="Shown as">
          <button type="button" aria-pressed={!table} onClick={() => setTable(false)}>Ladder</button>
          <button type="button" aria-pressed={table} onClick={() => setTable(true)}>Table</button>
        </div>
      </div>
      {cdr.messages.length === 0 && <p class="quiet">{whyNoMessages(cdr)}</p>}
      {table ? <MessageTable cdr={cdr} picking={picking} /> : (cdr.messages.length > 0 || cdr.streams.length > 0) && <Ladder cdr={cdr} picking={picking} />}
      {cdr.messages.length > 0 && cdr.messages_omitted > 0 && <p class="quiet">{cdr.messages_omitted} more messages were left out of the record to keep it small.</p>}
      {below?.((m) => conversation?.of.get(m) ?? own, cdr)}
    </section>
  );
}

// breakable lets a long address go on in the next line behind its @.
const breakable = (v: string): ComponentChildren[] => v.split(/(?<=@)/).flatMap((part, i) => (i ? [<wbr key={i} />, part] : [part]));

// Facts is the record. A call of a capture that was opened has no sensor: null.
export function Facts({ cdr, sensor }: { cdr: CDR; sensor: Sensor | undefined | null }) {
  const address = (user: string, domain: string) => (user || domain ? `${user}${domain ? '@' + domain : ''}` : '');
  const facts: [string, string][] = [
    ['From', address(cdr.caller, cdr.caller_domain)],
    ['To', address(cdr.callee, cdr.callee_domain)],
    ...(cdr.joined ? [['Beginning', 'not seen: the record starts with the first message that was'] as [string, string]] : []),
    ...(cdr.parties_assumed ? [['Who called', 'not known: From and To may be the other way round'] as [string, string]] : []),
    ...(cdr.callee_uri && cdr.callee_uri !== cdr.callee ? [['Request-URI', cdr.callee_uri] as [string, string]] : []),
    ['Source', cdr.src],
    ['Destination', cdr.dst],
    ['Transport', cdr.transport.toUpperCase()],
    ['Post-dial delay', interval(cdr.pdd_ms)],
    ['Setup time', interval(cdr.setup_ms)],
    ['Caller’s agent', cdr.ua_caller],
    ['Called agent', cdr.ua_callee],
    ['Codecs', cdr.codecs.join(', ')],
    ...(cdr.dtmf_info ? [['DTMF by INFO', cdr.dtmf_info] as [string, string]] : []),
    ...(sensor === null ? [] : [['Sensor', `${cdr.sensor_id}${sensor ? ` ${sensor.name}` : ''}`], ['Capture rule', cdr.rule || 'none matched']] as [string, string][]),
  ];
  return (
    <section class="panel" aria-labelledby="facts">
      <h2 id="facts">Record</h2>
      <dl class="facts">
        {facts.map(([k, v]) => (
          <div key={k}>
            <dt>{k}</dt>
            <dd>{v ? breakable(v) : NONE}</dd>
          </div>
        ))}
        <div>
          <dt>Ringing</dt>
          <dd><Moment t={cdr.ringing} decimals={3} /></dd>
        </div>
        <div>
          <dt>Answer</dt>
          <dd><Moment t={cdr.answer} decimals={3} /></dd>
        </div>
        <div>
          <dt>End</dt>
          <dd><Moment t={cdr.end} decimals={3} /></dd>
        </div>
        <div class="whole">
          <dt>Call-ID <Copy text={cdr.call_id} label="Copy the Call-ID" /></dt>
          <dd class="mono">{cdr.call_id}</dd>
        </div>
      </dl>
    </section>
  );
}
