package runtime_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/protomicro/micro/registry"
	"github.com/protomicro/micro/registry/fileregistry"
	"github.com/protomicro/micro/registry/memregistry"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/status"
	weatherv1 "github.com/protomicro/micro/testdata/fourkinds/weather/v1"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/memtransport"
)

// run runs the service until the test ends, and returns its addresses and how to end it earlier.
func run(t *testing.T, s *runtime.Service, impl weatherv1.WeatherServer) (addrs []string, end func()) {
	t.Helper()
	s.Name = "weather"
	s.Server = &runtime.Server{Log: slog.New(slog.DiscardHandler)}
	weatherv1.RegisterWeatherServer(s.Server, impl)
	ready := make(chan []string, 1)
	s.OnReady = func(addrs []string) { ready <- addrs }
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	ended := false
	end = func() {
		if !ended {
			ended = true
			cancel()
			if err := <-ran; err != nil {
				t.Errorf("Run: %v", err)
			}
		}
	}
	t.Cleanup(end)
	select {
	case addrs = <-ready:
	case err := <-ran:
		ran <- err
		t.Fatalf("Run ended before it was ready: %v", err)
	}
	return addrs, end
}

func TestService_ServesOnEveryAddress(t *testing.T) {
	network := memtransport.New()
	socket := filepath.Join(t.TempDir(), "s")
	addrs, _ := run(t, &runtime.Service{
		Addrs: []string{"tcp://127.0.0.1:0", "unix://" + socket, "mem://weather"}, Transports: []transport.Transport{network},
	}, station{})
	for _, addr := range addrs {
		w, _ := use(t, &runtime.Client{Addrs: []string{addr}, Transports: []transport.Transport{network}})
		fourKinds(t, w)
	}
}

func TestService_IsFoundThroughTheRegistryWhileItRuns(t *testing.T) {
	for name, reg := range map[string]interface {
		registry.Registrar
		registry.Resolver
	}{"memory": memregistry.New(), "file": fileregistry.New(filepath.Join(t.TempDir(), "instances.json"))} {
		t.Run(name, func(t *testing.T) {
			_, end := run(t, &runtime.Service{
				Version: "1.2.3", Addrs: []string{"tcp://:0"}, Registrar: reg, Propagation: 10 * time.Millisecond,
			}, station{})
			w, _ := use(t, &runtime.Client{Resolver: reg, Service: "weather"})
			fourKinds(t, w)
			instances := snapshot(t, reg)
			if len(instances) != 1 || instances[0].Version != "1.2.3" || strings.Contains(instances[0].Addrs[0], "[::]") {
				t.Errorf("announced: %+v", instances)
			}
			end()
			if left := snapshot(t, reg); len(left) > 0 {
				t.Errorf("still announced: %+v", left)
			}
		})
	}
}

func snapshot(t *testing.T, reg registry.Resolver) []registry.Instance {
	t.Helper()
	for instances, err := range reg.Watch(t.Context(), "weather") {
		if err != nil {
			t.Fatal(err)
		}
		return instances
	}
	return nil
}

// order notes what happens to the registry, and when a call runs.
type order struct {
	registry.Registrar
	events chan string
}

func (o order) Deregister(ctx context.Context, id string) error {
	o.events <- "withdrawn"
	return o.Registrar.Deregister(ctx, id)
}

func TestService_WithdrawsThenServesOnThenDrains(t *testing.T) {
	events := make(chan string, 8)
	withdrawn := make(chan struct{})
	addrs, end := run(t, &runtime.Service{
		Addrs: []string{"tcp://127.0.0.1:0"}, Registrar: order{memregistry.New(), events}, Propagation: 300 * time.Millisecond,
		Tasks: []func(context.Context) error{func(ctx context.Context) error {
			<-ctx.Done()
			events <- "task ended"
			return ctx.Err()
		}},
	}, station{get: func(context.Context, *weatherv1.GetRequest) (*weatherv1.Report, error) {
		<-withdrawn
		events <- "call answered"
		return &weatherv1.Report{}, nil
	}})
	w, _ := dial(t, addrs[0])
	ended := make(chan struct{})
	go func() {
		end()
		close(ended)
	}()
	if got := <-events; got != "withdrawn" {
		t.Errorf("first: %s", got)
	}
	answered := make(chan error, 1)
	go func() { // a client that has not noticed
		_, err := w.Get(context.Background(), &weatherv1.GetRequest{})
		answered <- err
	}()
	close(withdrawn)
	if err := <-answered; err != nil {
		t.Errorf("a call after the withdrawal: %v", err)
	}
	<-ended
	if got := [2]string{<-events, <-events}; got != [2]string{"call answered", "task ended"} {
		t.Errorf("then: %q", got)
	}
}

func TestService_SaysWhyItCannotRun(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	taken := l.Addr().String()
	twice := &runtime.Server{}
	weatherv1.RegisterWeatherServer(twice, station{})
	weatherv1.RegisterWeatherServer(twice, station{})
	for name, c := range map[string]struct {
		service runtime.Service
		want    string
	}{
		"address in use":    {runtime.Service{Server: &runtime.Server{}, Addrs: []string{"tcp://127.0.0.1:0", "tcp://" + taken}}, "address already in use"},
		"no address":        {runtime.Service{Server: &runtime.Server{}}, "address"},
		"no server":         {runtime.Service{Addrs: []string{"tcp://127.0.0.1:0"}}, "Server"},
		"no scheme":         {runtime.Service{Server: &runtime.Server{}, Addrs: []string{":8080"}}, "tcp://host:port"},
		"no transport":      {runtime.Service{Server: &runtime.Server{}, Addrs: []string{"pigeon://x"}}, "pigeon://x"},
		"two handlers":      {runtime.Service{Server: twice, Addrs: []string{"tcp://127.0.0.1:0"}}, "weather.v1.Weather/Get"},
		"registry is down":  {runtime.Service{Server: &runtime.Server{}, Addrs: []string{"tcp://127.0.0.1:0"}, Registrar: down{}}, "out of order"},
		"a task that stops": {runtime.Service{Server: &runtime.Server{}, Addrs: []string{"tcp://127.0.0.1:0"}, Tasks: []func(context.Context) error{stops}}, "canceled"},
		"a task that fails": {runtime.Service{Server: &runtime.Server{}, Addrs: []string{"tcp://127.0.0.1:0"}, Tasks: []func(context.Context) error{fails}}, "boom"},
	} {
		t.Run(name, func(t *testing.T) {
			c.service.Name = "weather"
			if err := c.service.Run(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Run: got %v, want an error that says %q", err, c.want)
			}
		})
	}
}

func stops(context.Context) error { return context.Canceled } // of a context of its own

func fails(context.Context) error { return errors.New("boom") }

// down is a registry that does not work.
type down struct{}

func (down) Register(context.Context, registry.Instance) error { return errors.New("out of order") }
func (down) Deregister(context.Context, string) error          { return errors.New("out of order") }

func TestLocal_IsARealServer(t *testing.T) {
	s := &runtime.Server{}
	weatherv1.RegisterWeatherServer(s, station{get: func(ctx context.Context, req *weatherv1.GetRequest) (*weatherv1.Report, error) {
		if _, ok := ctx.Deadline(); !ok {
			return nil, status.Errorf(status.FailedPrecondition, "no deadline")
		}
		return &weatherv1.Report{City: req.GetCity(), Celsius: 7}, nil
	}})
	w, _ := use(t, runtime.Local(s))
	fourKinds(t, w)
	_, err := w.Get(t.Context(), &weatherv1.GetRequest{City: "\xff"})
	wantCode(t, "a request that cannot be encoded", err, status.Internal)
	_, err = w.Get(t.Context(), &weatherv1.GetRequest{City: strings.Repeat("x", 5<<20)})
	wantCode(t, "a request over the limit", err, status.ResourceExhausted)
}
