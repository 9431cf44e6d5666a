package runtime_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/protomicro/micro/runtime"
	weatherv1 "github.com/protomicro/micro/testdata/fourkinds/weather/v1"
)

type counted struct {
	http.RoundTripper
	n atomic.Int32
}

func (c *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.RoundTripper.RoundTrip(r)
}

// TestClient_UsesTheRoundTripperOfItsUser calls a server that is mounted in another HTTP server, below a middleware of
// net/http, through a client of net/http.
func TestClient_UsesTheRoundTripperOfItsUser(t *testing.T) {
	s := &runtime.Server{}
	weatherv1.RegisterWeatherServer(s, station{})
	var seen atomic.Int32
	mux := http.NewServeMux()
	mux.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		s.ServeHTTP(w, r)
	}))
	h := httptest.NewUnstartedServer(mux)
	h.EnableHTTP2 = true
	h.StartTLS()
	defer h.Close()
	rt := &counted{RoundTripper: h.Client().Transport}
	c := &runtime.Client{Addrs: []string{"https://" + strings.TrimPrefix(h.URL, "https://")}, HTTP: rt}
	defer func() { _ = c.Close() }()
	fourKinds(t, weatherv1.NewWeatherClient(c))
	if rt.n.Load() != 4 || seen.Load() != 4 {
		t.Errorf("%d requests were made, and %d have come, want 4", rt.n.Load(), seen.Load())
	}
}
