// What can be done with a search, beside the field: saved searches, columns, export. Each opens a dialog whose code comes then.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { User } from '../api/types';
import type { Column } from '../pages/columns';
import type { Filter } from '../query';
import { Icon, type IconName } from '../ui/icons';
import { lazy } from '../ui/lazy';

const Saved = lazy(() => import('./saved').then((m) => m.Saved));
const Columns = lazy(() => import('./columns').then((m) => m.Columns));
const Export = lazy(() => import('./export').then((m) => m.Export));

interface Props {
  filter: Filter;
  set: (f: Filter) => void;
  user: User;
  columns: Column[];
}

type Tool = 'saved' | 'columns' | 'export';

export function ListTools({ filter, set, user, columns }: Props) {
  const [open, setOpen] = useState<Tool | null>(null);
  const close = () => setOpen(null);
  const button = (tool: Tool, icon: IconName, label: string) => (
    <button type="button" class="quiet-button" onClick={() => setOpen(tool)} data-tool={tool} aria-haspopup="dialog" aria-label={label} title={label}>
      <Icon name={icon} /> <span class="wide-only">{label}</span>
    </button>
  );
  return (
    <span class="tools">
      {button('saved', 'star', 'Searches')}
      <span class="not-small">{button('columns', 'columns', 'Columns')}</span>
      {user.rights.includes('export') && button('export', 'export', 'Export')}
      {open === 'saved' && (
        <Dialog title="Searches" close={close}>
          <Saved
            filter={filter} user={user} columns={columns}
            use={(f) => {
              set(f);
              close();
            }}
          />
        </Dialog>
      )}
      {open === 'columns' && <Dialog title="Columns" close={close}><Columns columns={columns} /></Dialog>}
      {open === 'export' && <Dialog title="Export" close={close}><Export filter={filter} columns={columns} /></Dialog>}
    </span>
  );
}

function Dialog({ title, close, children }: { title: string; close: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} onClose={close} aria-label={title}>
      <h2>{title}</h2>
      {children}
      <div class="buttons"><button type="button" onClick={() => dialog.current?.close()}>Close</button></div>
    </dialog>
  );
}
