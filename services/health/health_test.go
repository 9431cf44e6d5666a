package health_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/connectformat"
	"github.com/protomicro/micro/codec/protorpc"
	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/registry"
	"github.com/protomicro/micro/registry/memregistry"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/services/health"
	"github.com/protomicro/micro/services/health/healthv1"
	"github.com/protomicro/micro/status"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

const (
	serving    = healthv1.HealthCheckResponse_SERVING
	notServing = healthv1.HealthCheckResponse_NOT_SERVING
	unknown    = healthv1.HealthCheckResponse_SERVICE_UNKNOWN
)

// formats are those that a client can watch in.
func formats() map[string]codec.Format {
	return map[string]codec.Format{"protorpc": protorpc.Format{}, "connect": connectformat.Format{}}
}

// newServer returns a server with one service besides those of this package.
func newServer() (*runtime.Server, *health.Checker) {
	s := &runtime.Server{Log: slog.New(slog.DiscardHandler)}
	nap := runtime.Unary[healthv1.HealthCheckRequest, healthv1.HealthCheckResponse]{Name: "bed.v1.Bed/Nap"}
	s.Handle(nap.Handler(func(context.Context, *healthv1.HealthCheckRequest) (*healthv1.HealthCheckResponse, error) {
		return &healthv1.HealthCheckResponse{}, nil
	}))
	return s, health.Register(s)
}

func use(t *testing.T, client *runtime.Client) *healthv1.HealthClient {
	t.Helper()
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return health.NewClient(client)
}

func check(t *testing.T, c *healthv1.HealthClient, service string, want healthv1.HealthCheckResponse_ServingStatus) {
	t.Helper()
	res, err := c.Check(t.Context(), &healthv1.HealthCheckRequest{Service: service})
	if err != nil || res.GetStatus() != want {
		t.Errorf("Check(%q): got %v, %v, want %v", service, res.GetStatus(), err, want)
	}
}

func watch(t *testing.T, c *healthv1.HealthClient, service string) *runtime.Receiver[healthv1.HealthCheckResponse] {
	t.Helper()
	r, err := c.Watch(t.Context(), &healthv1.HealthCheckRequest{Service: service})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func next(t *testing.T, r *runtime.Receiver[healthv1.HealthCheckResponse], want healthv1.HealthCheckResponse_ServingStatus) {
	t.Helper()
	res, err := r.Recv()
	if err != nil || res.GetStatus() != want {
		t.Fatalf("Watch: got %v, %v, want %v", res.GetStatus(), err, want)
	}
}

func TestCheck_TellsWhatWasSet(t *testing.T) {
	s, checker := newServer()
	c := use(t, runtime.Local(s))
	for _, service := range []string{"", "bed.v1.Bed", "grpc.health.v1.Health"} {
		check(t, c, service, serving)
	}
	for _, service := range []string{"bed.v1", "protomicro.grpc.health.v1.Health", strings.Repeat("x", 1<<20)} {
		_, err := c.Check(t.Context(), &healthv1.HealthCheckRequest{Service: service})
		if status.CodeOf(err) != status.NotFound || len(err.Error()) > 200 {
			t.Errorf("Check(%.20q): %.300v", service, err)
		}
	}
	checker.Set("bed.v1.Bed", false)
	checker.Set("database", true)
	check(t, c, "", serving)
	check(t, c, "bed.v1.Bed", notServing)
	check(t, c, "database", serving)
	checker.Set("", false)
	checker.Set("bed.v1.Bed", true)
	check(t, c, "", notServing)
	check(t, c, "bed.v1.Bed", serving)

	res, err := c.List(t.Context(), &healthv1.HealthListRequest{})
	got := make(map[string]healthv1.HealthCheckResponse_ServingStatus)
	for service, res := range res.GetStatuses() {
		got[service] = res.GetStatus()
	}
	want := map[string]healthv1.HealthCheckResponse_ServingStatus{
		"": notServing, "bed.v1.Bed": serving, "database": serving, "grpc.health.v1.Health": serving,
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("List: %v (-want +got):\n%s", err, diff)
	}
}

func TestWatch_SendsTheStateAndEachChange(t *testing.T) {
	s, checker := newServer()
	c := use(t, runtime.Local(s))
	bed, database := watch(t, c, "bed.v1.Bed"), watch(t, c, "database")
	next(t, bed, serving)
	next(t, database, unknown)
	checker.Set("database", true)
	next(t, database, serving)
	checker.Set("bed.v1.Bed", true) // no change
	checker.Set("database", false)
	next(t, database, notServing)
	checker.Set("bed.v1.Bed", false)
	next(t, bed, notServing)
	checker.Set("bed.v1.Bed", true)
	next(t, bed, serving)
}

func TestWatch_EndsWithTheServer(t *testing.T) {
	s, _ := newServer()
	for name, format := range formats() {
		t.Run(name, func(t *testing.T) { // the second run serves a server whose end has been before
			var listen net.ListenConfig
			l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			served := make(chan error, 1)
			go func() { served <- s.Serve(ctx, l) }()
			c := use(t, &runtime.Client{Addrs: []string{"tcp://" + l.Addr().String()}, Format: format})
			known, other := watch(t, c, ""), watch(t, c, "database")
			next(t, known, serving)
			next(t, other, unknown)
			began := time.Now()
			cancel()
			next(t, known, notServing)
			for _, r := range []*runtime.Receiver[healthv1.HealthCheckResponse]{known, other} {
				if res, err := r.Recv(); status.CodeOf(err) != status.Unavailable {
					t.Errorf("at the end of the server: %v, %v", res, err)
				}
			}
			if err := <-served; err != nil {
				t.Errorf("Serve: %v", err)
			}
			if d := time.Since(began); d > 5*time.Second {
				t.Errorf("the server waited %v for those that watch", d)
			}
		})
	}
}

// leaving asks for the health of the service while it is withdrawn.
type leaving struct {
	registry.Registrar
	withdrawing func()
}

func (l leaving) Deregister(ctx context.Context, id string) error {
	l.withdrawing()
	return l.Registrar.Deregister(ctx, id)
}

func TestService_IsNotServingFromTheBeginningOfItsEnd(t *testing.T) {
	for name, format := range formats() {
		t.Run(name, func(t *testing.T) {
			server, checker := newServer()
			ready := make(chan []string, 1)
			var c *healthv1.HealthClient
			asked := 0
			s := &runtime.Service{
				Name: "bed", Addrs: []string{"tcp://127.0.0.1:0"}, Server: server, Propagation: 500 * time.Millisecond,
				OnReady: func(addrs []string) { ready <- addrs },
				Registrar: leaving{memregistry.New(), func() {
					asked++
					check(t, c, "", notServing)
					check(t, c, "bed.v1.Bed", notServing)
					checker.Set("bed.v1.Bed", true) // cannot bring it back
					check(t, c, "bed.v1.Bed", notServing)
				}},
			}
			ctx, cancel := context.WithCancel(context.Background())
			ran := make(chan error, 1)
			go func() { ran <- s.Run(ctx) }()
			c = use(t, &runtime.Client{Addrs: <-ready, Format: format})
			check(t, c, "", serving)
			r := watch(t, c, "bed.v1.Bed")
			next(t, r, serving)
			began := time.Now()
			cancel()
			next(t, r, notServing)
			if d := time.Since(began); d >= s.Propagation {
				t.Errorf("those that watch knew after %v only", d)
			}
			_, err := r.Recv()
			if d := time.Since(began); status.CodeOf(err) != status.Unavailable || d < s.Propagation {
				t.Errorf("the watch ended after %v: %v", d, err)
			}
			if err := <-ran; err != nil || asked != 1 {
				t.Errorf("Run: %v, withdrawn %d times", err, asked)
			}
			if d := time.Since(began); d > 5*time.Second {
				t.Errorf("the end took %v", d)
			}
		})
	}
}

func TestService_GivesBalancersTimeWithoutARegistry(t *testing.T) {
	server, _ := newServer()
	ready := make(chan []string, 1)
	s := &runtime.Service{
		Name: "bed", Addrs: []string{"tcp://127.0.0.1:0"}, Server: server, Propagation: 500 * time.Millisecond,
		OnReady: func(addrs []string) { ready <- addrs },
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	c := use(t, &runtime.Client{Addrs: <-ready})
	r := watch(t, c, "")
	next(t, r, serving)
	cancel()
	next(t, r, notServing)
	check(t, c, "", notServing)
	if err := <-ran; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestServer_HasThePublishedName(t *testing.T) {
	s, _ := newServer()
	if diff := cmp.Diff([]string{"bed.v1.Bed", "grpc.health.v1.Health"}, s.Services()); diff != "" {
		t.Errorf("Services (-want +got):\n%s", diff)
	}
	web := httptest.NewServer(s)
	defer web.Close()
	res, err := web.Client().Post(web.URL+"/grpc.health.v1.Health/Check", "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if want := `{"status":"SERVING"}`; err != nil || res.StatusCode != http.StatusOK || strings.ReplaceAll(string(body), " ", "") != want {
		t.Errorf("got %s %s, %v, want %s", res.Status, body, err, want)
	}
}

func TestSet_WhileOthersAskAndWatch(t *testing.T) {
	s, checker := newServer()
	c := use(t, runtime.Local(s))
	r := watch(t, c, "")
	set := make(chan struct{})
	go func() {
		defer close(set)
		for i := range 1000 {
			checker.Set("", i%2 == 0)
		}
	}()
	for range 20 {
		if _, err := c.List(t.Context(), &healthv1.HealthListRequest{}); err != nil {
			t.Error(err)
		}
	}
	<-set
	checker.Set("", false)
	for res, err := range r.All() {
		if err != nil {
			t.Fatal(err)
		}
		if res.GetStatus() == notServing {
			break
		}
	}
	check(t, c, "", notServing)
}
