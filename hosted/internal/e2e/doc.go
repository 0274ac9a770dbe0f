// Package e2e shows on the real programs what several nodes of hosted promise: two hosted on one PostgreSQL, with and without
// NATS, and sensors that are linked to either. What one hosted promises is in fixtures/e2e.
//
// It has tests only; it is here and not there because it starts a PostgreSQL of its own by pgtest.
package e2e
