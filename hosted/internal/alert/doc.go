// Package alert is what an alert is and when it fires: its definition (Spec), what is counted of calls and sensors for it
// (Counts), the figure that is compared (Reading), and the state machine that turns figures into incidents and those into
// messages (Step). It has no clock, no I/O and no goroutine: the same figures at the same times give the same messages, so
// that a preview over past calls says what would have been.
//
// It is not for storing alerts (package store), for counting and evaluating them as time goes on (package watch), nor for
// sending messages (package notify). hosted/internal/httpapi checks and previews definitions with it.
package alert
