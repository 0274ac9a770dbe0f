package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"voiptop/hosted/internal/auth"
	"voiptop/protocol"
)

// The GUI needs its own files and its own API, nothing else. Styles may be set on elements: charts place their parts so.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; " +
	"connect-src 'self'; media-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// secure sets the headers that every answer has, and refuses what another site's page makes a browser send.
func (a *api) secure(next http.Handler) http.Handler {
	csrf := http.NewCrossOriginProtection()
	csrf.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.answer(w, r, &protocol.Problem{
			Code: codeCrossOrigin, Status: http.StatusForbidden,
			Title: "the request comes from another site's page", Remedy: "use hosted's own page; a proxy in front must keep the Host header",
		})
	}))
	inner := csrf.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		if a.byTLS(r) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
			r = auth.OverTLS(r)
		}
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Cache-Control", "no-store")
		}
		inner.ServeHTTP(w, r)
	})
}

// peer is the address at the other end of the connection.
func peer(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

func (a *api) trusted(ip netip.Addr) bool {
	for _, p := range a.Trusted {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// clientAddr is where a request comes from: the peer or, behind trusted proxies, the last address in X-Forwarded-For that
// is none of them. What stands before that anybody may have written.
func (a *api) clientAddr(r *http.Request) string {
	ip := peer(r)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && a.trusted(ip); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		ip = hop.Unmap().WithZone("")
	}
	if !ip.IsValid() {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		return host
	}
	return ip.String()
}

// byTLS reports whether the browser's side of the connection is encrypted.
func (a *api) byTLS(r *http.Request) bool {
	return r.TLS != nil || a.trusted(peer(r)) && r.Header.Get("X-Forwarded-Proto") == "https"
}
