import 'uplot/dist/uPlot.min.css';
import './style/base.css';
import './style/calls.css';
import './style/call.css';
import './style/listen.css';
import './style/rules.css';
import './style/admin.css';
import { render } from 'preact';
import { App } from './app';
import { applyTheme } from './prefs';

applyTheme();
render(<App />, document.getElementById('app')!);
