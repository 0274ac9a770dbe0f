import 'uplot/dist/uPlot.min.css';
import './style/base.css';
import './style/calls.css';
import './style/call.css';
import { render } from 'preact';
import { App } from './app';
import { applyTheme } from './prefs';

applyTheme();
render(<App />, document.getElementById('app')!);
