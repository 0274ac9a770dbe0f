package direct

import (
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// logs gives the library loggers that write to the sensor's. What goes wrong between a browser and the sensor is nobody's trouble at the
// sensor - the browser falls back - so that nothing is above debug.
type logs struct{ log *slog.Logger }

// NewLogger implements logging.LoggerFactory.
func (l logs) NewLogger(scope string) logging.LeveledLogger {
	return scoped{l.log.With("webrtc", scope)}
}

type scoped struct{ *slog.Logger }

func (l scoped) Trace(string)          {}
func (l scoped) Tracef(string, ...any) {}
func (l scoped) Debug(string)          {}
func (l scoped) Debugf(string, ...any) {}
func (l scoped) Info(string)           {}
func (l scoped) Infof(string, ...any)  {}
func (l scoped) Warn(m string)         { l.Logger.Debug(m) }
func (l scoped) Error(m string)        { l.Logger.Debug(m) }

func (l scoped) Warnf(f string, a ...any)  { l.Logger.Debug(fmt.Sprintf(f, a...)) }
func (l scoped) Errorf(f string, a ...any) { l.Logger.Debug(fmt.Sprintf(f, a...)) }
