// /open: a capture from the user's disk, read in the browser. Nothing of it is sent anywhere.

import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { CallPage } from '../api/types';
import { bytes, count, plural } from '../format';
import { navigate, openPath } from '../router';
import { ProblemBox, useTitle } from '../ui/bits';
import { Icon } from '../ui/icons';
import { OpenedCall } from './call';
import { OpenedCalls } from './calls';
import { engineBytes } from './engine';
import { close, openFiles, openKept, stop, useOpened, type Opened } from './state';
import '../style/open.css';

interface Props {
  where: string; // what the list is searched by
  call: string; // one of the capture, "": the list
  kept: string; // the call whose packets are to be opened, as a sensor keeps them; ""
}

export function OpenPage({ where, call, kept }: Props) {
  const o = useOpened();
  useKept(kept, o);
  useTitle(o.names[0] ?? 'Open a capture');
  const over = useDrop();
  if (o.phase === 'open' && call) return <OpenedCall key={call} id={call} where={where} opened={o} />;
  return (
    <div class={over ? 'open over' : 'open'}>
      {o.phase === 'open' ? (
        <OpenedCalls opened={o} where={where} />
      ) : (
        <div class="page">
          {o.phase === 'failed' && o.problem && <ProblemBox problem={o.problem} />}
          {o.phase === 'fetching' || o.phase === 'loading' || o.phase === 'reading' ? <Reading opened={o} /> : <Drop gone={call !== ''} />}
        </div>
      )}
    </div>
  );
}

// useKept opens what a sensor keeps of a call, and goes to that call.
function useKept(kept: string, o: Opened) {
  useEffect(() => {
    if (kept) void openKept(kept);
  }, [kept]);
  useEffect(() => {
    if (!kept || o.phase !== 'open' || o.kept !== kept) return;
    const list = (p: CallPage) => navigate(openPath('', p.calls.length === 1 ? p.calls[0]!.id : ''), 'replace');
    o.engine!.json<CallPage>('/calls?limit=2').then(list, () => navigate(openPath(''), 'replace'));
  }, [kept, o.phase, o.kept]);
}

// useDrop lets files be dropped anywhere on the page; true while some are held over it.
function useDrop(): boolean {
  const [over, set] = useState(false);
  useEffect(() => {
    const files = (e: DragEvent) => e.dataTransfer?.types.includes('Files');
    const drag = (e: DragEvent) => {
      if (!files(e)) return;
      e.preventDefault();
      set(true);
    };
    const leave = (e: DragEvent) => e.relatedTarget === null && set(false);
    const drop = (e: DragEvent) => {
      if (!files(e)) return;
      e.preventDefault();
      set(false);
      choose([...e.dataTransfer!.files]);
    };
    document.addEventListener('dragover', drag);
    document.addEventListener('dragleave', leave);
    document.addEventListener('drop', drop);
    return () => {
      document.removeEventListener('dragover', drag);
      document.removeEventListener('dragleave', leave);
      document.removeEventListener('drop', drop);
    };
  }, []);
  return over;
}

// choose opens files. A search was of the capture before.
function choose(files: File[]) {
  if (location.pathname === '/open' && location.search) navigate(openPath(''), 'replace');
  void openFiles(files);
}

function Drop({ gone }: { gone: boolean }) {
  return (
    <>
      <section class="panel drop" aria-labelledby="open">
        <h1 id="open">Open a capture</h1>
        {gone && <p>The capture of this call is no longer open: it was never stored. Open it again.</p>}
        <p>Drop pcap or pcapng files here, gzip or zstd too, with their TLS key log if there is one.</p>
        <Choose primary>Choose files</Choose>
        <p class="private"><Icon name="ok" /> <span><strong>The files stay on your computer.</strong> The analysis engine of the sensor runs in this tab, and the browser allows it no connection. Nothing is uploaded or stored.</span></p>
      </section>
      <section class="panel quiet" aria-label="What it does">
        <p>You get every call with its ladder and messages, streams with loss, jitter and MOS, findings, the voice to listen to, and each call as a PCAP of its own: what <code>voipmon analyze</code> gives, to the byte. Several files are read as one, merged by time.</p>
        <p>The engine is {bytes(engineBytes)}, fetched once. For captures of many gigabytes, and to send calls into the list of this service, use <code>voipmon analyze</code>, <code>voiptop -r</code> and <code>sensord -r</code> on a computer of your own.</p>
      </section>
    </>
  );
}

// Choose is a button that asks for files.
export function Choose({ primary, children }: { primary?: boolean; children: ComponentChildren }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input} type="file" multiple hidden data-files
        onChange={(e) => {
          const files = [...(e.currentTarget.files ?? [])];
          e.currentTarget.value = ''; // the same file may be chosen again
          if (files.length > 0) choose(files);
        }}
      />
      <button type="button" class={primary ? 'primary' : ''} onClick={() => input.current?.click()}>{children}</button>
    </>
  );
}

function Reading({ opened: o }: { opened: Opened }) {
  const begun = useMemo(() => performance.now(), [o.phase]);
  const seconds = (performance.now() - begun) / 1000;
  const speed = seconds > 0.5 ? o.progress.read / seconds : 0;
  return (
    <section class="panel reading" aria-labelledby="reading">
      <h1 id="reading">{o.names[0] ?? 'The packets of a call'}{o.names.length > 1 && ` and ${plural(o.names.length - 1, 'more file')}`}</h1>
      {o.phase === 'fetching' ? (
        <p role="status">They come from the sensor: {bytes(o.progress.read)}{o.size > 0 && ` of ${bytes(o.size)}`}</p>
      ) : o.phase === 'loading' ? (
        <p role="status">Fetching the analysis engine, {bytes(engineBytes)} …</p>
      ) : (
        <>
          <p class="progress">
            <progress value={o.progress.read} max={o.size} aria-label="Of the files read" />
            <span>{bytes(o.progress.read)} of {bytes(o.size)}{speed > 0 && `, ${bytes(speed)}/s`}</span>
          </p>
          <p role="status">{count(o.progress.packets)} packets, {plural(o.progress.calls, 'call')}</p>
        </>
      )}
      <p>
        {o.phase === 'reading' && <button type="button" onClick={stop} data-action="stop">Stop, and show what came</button>}{' '}
        <button type="button" onClick={close}>Cancel</button>
      </p>
    </section>
  );
}
