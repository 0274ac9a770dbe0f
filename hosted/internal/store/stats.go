package store

import (
	"context"
	"errors"
	"time"

	"voiptop/protocol"
)

// StatsQuery asks for statistics of the calls that CallQuery selects (Limit and After are not heeded): of all together, as a
// series, and by a property.
type StatsQuery struct {
	CallQuery               // From is required; To 0: now. A whole number of minutes, or else the part within is what rollups answer
	Step      time.Duration // of the series, a whole number of minutes that divides a day or is a whole number of days; 0: no series
	By        Dimension     // "": no groups
	Top       int           // groups, those with most calls; 0: DefaultTop, at most MaxTop
	Digits    int           // of a prefix; 0: DefaultDigits
	Exact     bool          // all calls are read, for as long as ExactTime if need be
}

// ErrRange says that a StatsQuery asks for no time, for a step that is no whole number of minutes or does not divide days, or for
// too many points.
var ErrRange = errors.New("not a range and step of statistics")

// Dimension is a property of calls that statistics are grouped by.
type Dimension string

// The dimensions.
const (
	BySensor  Dimension = "sensor"  // id_sensor
	ByStatus  Dimension = "status"  // last final status, "0": none
	ByEnd     Dimension = "end"     // how they ended
	ByFinding Dimension = "finding" // a call is in the group of each of its findings
	BySrc     Dimension = "src"     // address that the first INVITE came from, without port
	ByDst     Dimension = "dst"     // address that it went to
	ByPrefix  Dimension = "prefix"  // the callee's first digits, + and 00 in front left out
	ByUA      Dimension = "ua"      // user agent or server of either side; a call is in the groups of both
	ByCodec   Dimension = "codec"   // a call is in the group of each of its codecs
	ByDomain  Dimension = "domain"  // the callee's
)

// Bounds of StatsQuery.
const (
	DefaultTop    = 20
	MaxTop        = 200
	DefaultDigits = 4
	MaxDigits     = 15
	MaxPoints     = 2000
	StatsRows     = 1_000_000       // calls that are read for an answer that rollups cannot give
	StatsTime     = 4 * time.Second // and for how long
	ExactTime     = 5 * time.Minute // and for how long if the answer must be exact
)

// Source says what an answer was made of.
type Source string

// The sources.
const (
	FromRollups Source = "rollups" // counts of whole minutes and hours that are kept beside the calls
	FromCalls   Source = "calls"   // the calls themselves
)

// Stats is the answer: what was counted of the calls that are filed in [From, To).
type Stats struct {
	From, To protocol.Time // what was counted; may be less than what was asked for, see Partial
	Source   Source
	Partial  bool  // only the newest calls were read, those since From: there are more than StatsRows, or it takes longer than StatsTime
	Read     int64 // calls that were read for it, 0 from rollups
	Totals   Counts
	Flow     Flow
	Step     time.Duration
	Series   []Point // one each Step from From, Step's begin, on; those without calls included
	Groups   []Group // most calls first
	Others   int64   // calls of groups beyond Top; one that is in several counts in each
}

// Point is a step of a series.
type Point struct {
	At protocol.Time // where the step begins
	Counts
	Flow Flow
}

// Group is the calls that have a property.
type Group struct {
	Key string
	Counts
}

// Flow is how many calls ran at a time. It is counted at every full ten seconds: a call runs at an instant if it had begun, with
// its first INVITE, and had not ended. Calls that still run have no record yet and are not in it. Known is false if not all calls
// were read.
type Flow struct {
	Known   bool
	Max     int64         // most at any instant
	MaxAt   protocol.Time // the first of those
	Mean    float64       // of all instants
	PeakCPS float64       // begun calls a second, of the busiest ten seconds
}

// Statistics is what a store knows of its calls together. It is part of Store.
type Statistics interface {
	// Stats counts a tenant's calls. What rollups have is answered from them: all calls of whole minutes, of all sensors or of
	// one (CallQuery.SensorID), by no dimension or by BySensor, ByStatus, ByEnd and ByFinding, of which the last three have
	// Counts.Calls alone. Everything else is counted from the calls, newest first, within StatsRows and StatsTime, or ExactTime.
	Stats(ctx context.Context, t TenantID, q StatsQuery) (Stats, error)
}
