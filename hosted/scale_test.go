package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"voiptop/hosted/internal/auth"
	"voiptop/hosted/internal/store"
	"voiptop/hosted/internal/store/storetest"
)

// BenchmarkScale asks a running hosted, over HTTP, what reads very many calls: exports of all of them, searches that no index
// helps, statistics of all. There are so many calls as BENCH_CALLS says, over 24 days; BENCH_DB is sqlite, postgres or both.
func BenchmarkScale(b *testing.B) {
	rows := 20_000
	if n, err := strconv.Atoi(os.Getenv("BENCH_CALLS")); err == nil {
		rows = n
	}
	for _, kind := range []string{"sqlite", "postgres"} {
		if only := os.Getenv("BENCH_DB"); only != "" && only != kind {
			continue
		}
		b.Run(kind, func(b *testing.B) {
			db := "sqlite:" + b.TempDir() + "/hosted.db"
			if kind == "postgres" {
				server.Skip(b)
				db = server.Database(b)
			}
			scale(b, db, rows)
		})
	}
}

func scale(b *testing.B, db string, rows int) {
	now := time.Now()
	s, err := (&database{url: db, now: time.Now}).open(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	tenant := storetest.Fill(b, s, "big", now, rows)
	b.Logf("%d calls stored at %.0f a second", rows, float64(rows)/time.Since(now).Seconds())
	if _, err := s.CreateUser(b.Context(), store.User{Tenant: tenant, Name: "bench", Password: auth.HashPassword("x"), Role: store.RoleAdmin, Rights: store.AllRights, Created: now}); err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	if strings.HasPrefix(db, "postgres") { // as autovacuum does in time
		p, err := sql.Open("postgres", db)
		if err == nil {
			_, err = p.ExecContext(b.Context(), "VACUUM ANALYZE")
		}
		if err != nil {
			b.Fatal(err)
		}
		p.Close()
	}
	in := startOf(b, db)
	get := func(ctx context.Context, path string) (*http.Response, error) {
		req, err := http.NewRequestWithContext(ctx, "GET", in.url+path, nil)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+in.token)
		return http.DefaultClient.Do(req)
	}
	from := now.AddDate(0, 0, -25).UTC().Format(time.RFC3339)
	for _, form := range []string{"csv", "ndjson"} {
		b.Run("export/"+form, func(b *testing.B) {
			var lines, size int64
			peak := watchHeap()
			for b.Loop() {
				res, err := get(b.Context(), "/api/v1/calls."+form+"?from="+from)
				if err != nil {
					b.Fatal(err)
				}
				n := &lineCounter{}
				if _, err := io.Copy(n, res.Body); err != nil || res.StatusCode != 200 {
					b.Fatalf("%d: %v", res.StatusCode, err)
				}
				res.Body.Close()
				lines, size = n.lines, n.bytes
			}
			if want := int64(rows); lines != want && lines != want+1 { // with its head
				b.Errorf("%d lines, want %d", lines, want)
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64(size)/1e6, "MB")
			b.ReportMetric(peak(), "MB-heap-more")
		})
	}
	b.Run("export/cancelled", func(b *testing.B) {
		for b.Loop() {
			ctx, cancel := context.WithCancel(b.Context())
			res, err := get(ctx, "/api/v1/calls.ndjson?from="+from)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.CopyN(io.Discard, res.Body, 1<<20); err != nil {
				b.Fatal(err)
			}
			cancel()
			res.Body.Close()
			for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
				res, err := get(b.Context(), "/metrics")
				if err != nil {
					b.Fatal(err)
				}
				text, _ := io.ReadAll(res.Body)
				res.Body.Close()
				if strings.Contains(string(text), `hosted_streams_running{kind="export"} 0`) {
					break
				}
				if time.Now().After(end) {
					b.Fatal("the export goes on")
				}
			}
		}
	})
	for _, where := range []string{"ua:nothing*", "nothing", "setup>3600", "media-ip:203.0.113.0/24", "dtmf:*9999#", "over-limit:yes"} {
		b.Run("search/"+where, func(b *testing.B) {
			pages, slowest := 0, time.Duration(0)
			for b.Loop() {
				pages, slowest = 0, 0
				for after := ""; ; {
					begin := time.Now()
					res, err := get(b.Context(), "/api/v1/calls?"+url.Values{"where": {where}, "from": {from}, "after": {after}}.Encode())
					if err != nil {
						b.Fatal(err)
					}
					var page struct{ Next string }
					if err := json.NewDecoder(res.Body).Decode(&page); err != nil || res.StatusCode != 200 {
						b.Fatalf("%d: %v", res.StatusCode, err)
					}
					res.Body.Close()
					pages, slowest = pages+1, max(slowest, time.Since(begin))
					if after = page.Next; after == "" {
						break
					}
				}
			}
			b.ReportMetric(float64(pages), "pages")
			b.ReportMetric(slowest.Seconds(), "s-slowest-page")
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
	for _, q := range []string{"by=ua", "by=ua&exact=1", "by=sensor&step=86400"} {
		b.Run("stats/"+q, func(b *testing.B) {
			var s struct {
				Read    int64
				Partial bool
				Totals  struct{ Calls int64 }
			}
			for b.Loop() {
				res, err := get(b.Context(), "/api/v1/stats?from="+from+"&"+q)
				if err != nil {
					b.Fatal(err)
				}
				if err := json.NewDecoder(res.Body).Decode(&s); err != nil || res.StatusCode != 200 {
					b.Fatalf("%d: %v", res.StatusCode, err)
				}
				res.Body.Close()
			}
			if strings.Contains(q, "exact") && !s.Partial && s.Totals.Calls != int64(rows) { // partial: it takes longer than store.ExactTime
				b.Errorf("%d calls counted, want %d", s.Totals.Calls, rows)
			}
			b.ReportMetric(float64(s.Totals.Calls), "calls-counted")
			b.ReportMetric(float64(s.Read), "calls-read")
		})
	}
}

// running is a hosted that a benchmark asks.
type running struct{ url, token string }

func startOf(b *testing.B, db string) running {
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	done := make(chan int, 1)
	log := &buffer{}
	go func() {
		done <- run(ctx, time.Now, []string{"serve", "--http", "127.0.0.1:0", "--sensors", "127.0.0.1:0", "--db", db}, strings.NewReader(""), w, log)
		w.Close()
	}()
	b.Cleanup(func() { cancel(); <-done })
	var version, web string
	if _, err := fmt.Fscanf(r, "hosted %s %s sensors at", &version, &web); err != nil {
		b.Fatalf("%v\n%s", err, log)
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
	var out, errs buffer
	if status := Main(b.Context(), []string{"user", "token", "bench", "--db", db}, strings.NewReader(""), &out, &errs); status != 0 {
		b.Fatal(errs.String())
	}
	return running{strings.TrimSuffix(web, ","), strings.TrimSpace(out.String())}
}

type lineCounter struct{ lines, bytes int64 }

func (c *lineCounter) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	for _, b := range p {
		if b == '\n' {
			c.lines++
		}
	}
	return len(p), nil
}

// watchHeap samples the heap in use; what it answers tells by how many MB it was greater at the most than at the beginning.
func watchHeap() (more func() float64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	begin, most := m.HeapInuse, m.HeapInuse
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
			}
		}
	}()
	return func() float64 {
		close(end)
		<-ended
		return float64(most-begin) / 1e6
	}
}

// BenchmarkTenants stores what tenants of 2,000 channels send, 20 calls a second each (calls of 100 s), a batch each five seconds, as
// fast as it goes, from eight sensors at a time: how many calls a second that is, how long a batch waits at the most, and what a
// call takes on disk. BENCH_TENANTS (50) is their number.
func BenchmarkTenants(b *testing.B) {
	tenants := 50
	if n, err := strconv.Atoi(os.Getenv("BENCH_TENANTS")); err == nil {
		tenants = n
	}
	const batch, rounds, atOnce = 100, 10, 8
	for _, kind := range []string{"sqlite", "postgres"} {
		b.Run(kind, func(b *testing.B) {
			path := b.TempDir() + "/hosted.db"
			db := "sqlite:" + path
			if kind == "postgres" {
				server.Skip(b)
				db = server.Database(b)
			}
			s, err := (&database{url: db, now: time.Now}).open(b.Context(), 0)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			now := time.Now()
			var ids []store.TenantID
			for i := range tenants {
				ids = append(ids, storetest.Fill(b, s, fmt.Sprint("t", i), now, 1))
			}
			var slowest time.Duration
			calls := 0
			for b.Loop() {
				for round := range rounds {
					next, took, errs := make(chan store.TenantID), make(chan time.Duration, tenants), make(chan error, atOnce)
					for range atOnce {
						go func() {
							var err error
							for t := range next {
								begin := time.Now()
								if err == nil {
									err = storetest.Send(b.Context(), s, t, now.Add(time.Duration(round)*5*time.Second), batch)
								}
								took <- time.Since(begin)
							}
							errs <- err
						}()
					}
					for _, id := range ids {
						next <- id
					}
					close(next)
					for range atOnce {
						if err := <-errs; err != nil {
							b.Fatal(err)
						}
					}
					for range ids {
						slowest = max(slowest, <-took)
					}
					calls += tenants * batch
				}
			}
			b.ReportMetric(float64(calls)/b.Elapsed().Seconds(), "calls/s")
			b.ReportMetric(float64(calls)/b.Elapsed().Seconds()/20, "tenants-of-2000-channels")
			b.ReportMetric(slowest.Seconds(), "s-slowest-batch")
			if kind == "sqlite" {
				if f, err := os.Stat(path); err == nil {
					b.ReportMetric(float64(f.Size())/float64(calls), "bytes/call")
				}
				return
			}
			p, err := sql.Open("postgres", db)
			if err != nil {
				b.Fatal(err)
			}
			defer p.Close()
			var size int64
			if err := p.QueryRowContext(b.Context(), `SELECT pg_database_size(current_database())`).Scan(&size); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(size)/float64(calls), "bytes/call")
		})
	}
}
