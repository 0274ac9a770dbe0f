// A download on the page: asks, shows how far it is and which way it takes, can be cancelled, says why it failed and goes on from there.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { aborted, asProblem, request } from '../api/client';
import type { Problem } from '../api/types';
import { bytes } from '../format';
import { ProblemBox } from '../ui/bits';
import { Icon } from '../ui/icons';
import { Fetcher, type Loaded, type Progress } from './fetch';
import { canChoose, choose } from './sink';
import type { Way } from './way';

// What is larger does not go through the page's memory: it is written to a file that the user chooses, or left to the browser's own
// downloads.
const IN_PAGE = 256e6; // bytes

interface Props {
  path: string; // below /api/v1
  name: string; // of the file, where the server offers none
  size: number; // bytes as far as known before, 0: not
  about?: boolean; // size is an estimate
  primary?: boolean;
  way?: () => Way; // how it may come; through hosted unless told
  action: string; // for tests
  children: ComponentChildren;
}

export function DownloadButton({ path, name, size, about, primary, way, action, children }: Props) {
  const [progress, setProgress] = useState<Progress | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [said, setSaid] = useState('');
  const fetcher = useRef<Fetcher | null>(null);
  const control = useRef<AbortController | null>(null);
  useEffect(() => () => control.current?.abort(), []);

  async function start() {
    setProblem(null);
    setSaid('');
    const by = way?.();
    if (size > IN_PAGE && !fetcher.current) {
      if (!by?.direct || !canChoose()) return leave(by);
      try {
        fetcher.current = new Fetcher(path, name, by, await choose(name));
      } catch (e) {
        if (!aborted(e)) setProblem(asProblem(e));
        return;
      }
    }
    fetcher.current ??= new Fetcher(path, name, by);
    control.current = new AbortController();
    setProgress({ got: 0, total: null, by: 'relay' });
    try {
      const file = await fetcher.current.run(setProgress, control.current.signal);
      if (file.blob) {
        const url = URL.createObjectURL(file.blob);
        save(url, file.name);
        setTimeout(() => URL.revokeObjectURL(url), 60_000);
      }
      setSaid(`Saved ${file.blob ? file.name : ''}, ${bytes(file.size)}${came(file)}.`.replace(' ,', ','));
      fetcher.current = null;
    } catch (e) {
      if (aborted(e)) {
        setSaid('Cancelled; the sensor has stopped reading.');
        void fetcher.current?.discard();
        fetcher.current = null;
      } else setProblem(asProblem(e));
    }
    setProgress(null);
  }

  // leave leaves it to the browser, whose downloads show no reason when they fail: so it is asked first. A zip cannot be asked for a part.
  async function leave(by: Way | undefined) {
    const ask = about ? null : await request('GET', path, { headers: { Range: 'bytes=0-0' } }).then((r) => void r.body?.cancel(), asProblem);
    if (ask) return setProblem(ask);
    save(`/api/v1${path}`, '');
    const why = by?.direct ? 'this browser lets no page write so much to disk' : by?.why;
    setSaid(`The browser downloads it${why ? `, relayed by this service: ${why}` : ''}. See its list of downloads for progress and to cancel.`);
  }

  const total = progress?.total ?? (progress && size > progress.got ? size : null);
  return (
    <div class="download">
      {progress ? (
        <p class="progress">
          <progress value={total ? progress.got : undefined} max={total ?? undefined} aria-label={`Download of ${name}`} />
          <span role="status">
            {bytes(progress.got)}{total ? ` of ${about && progress.total === null ? 'about ' : ''}${bytes(total)}` : ''}
            {way && <span class="quiet" data-by={progress.by}> {BY[progress.by]}</span>}
          </span>
          <button type="button" onClick={() => control.current?.abort()} data-action="cancel">Cancel</button>
        </p>
      ) : (
        <button type="button" class={primary ? 'primary' : ''} onClick={start} data-action={action}>
          <Icon name="pcap" /> {children} {size > 0 && <small>{about && 'about '}{bytes(size)}</small>}
        </button>
      )}
      {said && <p class="quiet" role="status">{said}</p>}
      {problem && <ProblemBox problem={problem} retry={start} />}
    </div>
  );
}

const BY: Record<Progress['by'], string> = { finding: 'looking for a direct way to the sensor …', direct: 'straight from the sensor', relay: 'relayed by this service' };

// came says which way a file took.
function came(file: Loaded): string {
  if (file.direct === file.size && file.size > 0) return ', straight from the sensor';
  const first = file.direct > 0 ? `: ${bytes(file.direct)} straight from the sensor, the rest` : ',';
  return file.why ? `${first} relayed by this service: ${file.why}` : '';
}

export function save(href: string, name: string) {
  const a = Object.assign(document.createElement('a'), { href, download: name });
  document.body.append(a);
  a.click();
  a.remove();
}
