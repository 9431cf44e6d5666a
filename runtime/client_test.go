package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	stdruntime "runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/registry"
	"github.com/protomicro/micro/registry/memregistry"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/selector"
	"github.com/protomicro/micro/status"
	weatherv1 "github.com/protomicro/micro/testdata/fourkinds/weather/v1"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/memtransport"
)

// named is a station that answers with its own name.
func named(name string) station {
	return station{get: func(context.Context, *weatherv1.GetRequest) (*weatherv1.Report, error) {
		return &weatherv1.Report{City: name}, nil
	}}
}

// ask returns the names of the stations that answer n calls.
func ask(t *testing.T, w *weatherv1.WeatherClient, n int) map[string]int {
	t.Helper()
	names := make(map[string]int)
	for range n {
		report, err := w.Get(t.Context(), &weatherv1.GetRequest{})
		if err != nil {
			t.Fatalf("Get: %v", err)
		}
		names[report.GetCity()]++
	}
	return names
}

func TestClient_SharesCallsAmongItsAddresses(t *testing.T) {
	var addrs []string
	for _, name := range []string{"a", "b", "c"} {
		addrs = append(addrs, "tcp://"+serve(t, &runtime.Server{}, named(name)))
	}
	w, _ := use(t, &runtime.Client{Addrs: addrs})
	if diff := cmp.Diff(map[string]int{"a": 4, "b": 4, "c": 4}, ask(t, w, 12)); diff != "" {
		t.Error(diff)
	}
}

// unused returns an address on which nobody listens.
func unused(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	return l.Addr().String()
}

func TestClient_TriesAnotherInstanceIfOneCannotBeReached(t *testing.T) {
	for _, scheme := range []string{"tcp://", "http://", "h2c://"} {
		t.Run(scheme, func(t *testing.T) {
			w, _ := use(t, &runtime.Client{Addrs: []string{scheme + unused(t), scheme + serve(t, &runtime.Server{}, named("a"))}})
			if got := ask(t, w, 5); got["a"] != 5 {
				t.Errorf("got %v", got)
			}
			for range 3 {
				reports, err := w.Watch(t.Context(), &weatherv1.WatchRequest{})
				if err != nil {
					t.Fatalf("Watch: %v", err)
				}
				for _, err := range reports.All() {
					if err != nil {
						t.Errorf("Watch: %v", err)
					}
				}
			}
		})
	}
}

func TestClient_SaysWhyItCannotCall(t *testing.T) {
	nobody := unused(t)
	for name, c := range map[string]struct {
		client *runtime.Client
		code   status.Code
		text   string
	}{
		"nobody there":      {&runtime.Client{Addrs: []string{"tcp://" + nobody}}, status.Unavailable, nobody},
		"nobody there, h1":  {&runtime.Client{Addrs: []string{"http://" + nobody}}, status.Unavailable, nobody},
		"no scheme":         {&runtime.Client{Addrs: []string{"localhost:80"}}, status.Unavailable, "tcp://host:port"},
		"unknown scheme":    {&runtime.Client{Addrs: []string{"pigeon://x"}}, status.Unavailable, "pigeon://x"},
		"nothing said":      {&runtime.Client{}, status.Internal, "Addrs"},
		"registry is down":  {&runtime.Client{Resolver: silent{}, Service: "weather"}, status.Unavailable, "out of order"},
		"nobody registered": {&runtime.Client{Resolver: memregistry.New(), Service: "weather"}, status.Unavailable, `"weather"`},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := use(t, c.client)
			_, err := w.Get(t.Context(), &weatherv1.GetRequest{})
			wantCode(t, "Get", err, c.code)
			if err != nil && !strings.Contains(err.Error(), c.text) {
				t.Errorf("Get: %v does not say %s", err, c.text)
			}
			if reports, err := w.Watch(t.Context(), &weatherv1.WatchRequest{}); err == nil {
				_, err = reports.Recv()
				wantCode(t, "Watch", err, c.code)
			} else {
				wantCode(t, "Watch", err, c.code)
			}
		})
	}
}

// silent is a registry that answers with an error, and then not at all.
type silent struct{}

func (silent) Watch(ctx context.Context, _ string) iter.Seq2[[]registry.Instance, error] {
	return func(yield func([]registry.Instance, error) bool) {
		if yield(nil, errors.New("out of order")) {
			<-ctx.Done()
		}
	}
}

func TestClient_FollowsTheRegistry(t *testing.T) {
	reg := memregistry.New()
	register := func(name string) {
		t.Helper()
		in := registry.Instance{ID: name, Service: "weather", Addrs: []string{"tcp://" + serve(t, &runtime.Server{}, named(name))}}
		if err := reg.Register(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	register("a")
	w, _ := use(t, &runtime.Client{Resolver: reg, Service: "weather"})
	if got := ask(t, w, 3); got["a"] != 3 {
		t.Errorf("with one instance: %v", got)
	}
	register("b")
	for got := ask(t, w, 2); got["b"] == 0; got = ask(t, w, 2) { // until the news has come
	}
	if err := reg.Deregister(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	for got := ask(t, w, 2); got["a"] > 0; got = ask(t, w, 2) {
	}
	if got := ask(t, w, 4); got["b"] != 4 {
		t.Errorf("after an instance is gone: %v", got)
	}
}

// counting is a selector that counts the outcomes it is told.
type counting struct {
	selector.RoundRobin
	mu       sync.Mutex // guards below
	outcomes []status.Code
}

func (c *counting) Pick(ctx context.Context) (registry.Instance, func(error), error) {
	in, _, err := c.RoundRobin.Pick(ctx)
	return in, func(err error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.outcomes = append(c.outcomes, status.CodeOf(err))
	}, err
}

func TestClient_TellsTheSelectorEveryOutcomeOnce(t *testing.T) {
	sel := &counting{}
	addr := serve(t, &runtime.Server{}, station{get: func(_ context.Context, req *weatherv1.GetRequest) (*weatherv1.Report, error) {
		if req.GetCity() != "" {
			return nil, status.Errorf(status.NotFound, "no")
		}
		return &weatherv1.Report{}, nil
	}})
	w, _ := use(t, &runtime.Client{Addrs: []string{"tcp://" + addr}, Selector: sel})
	_, _ = w.Get(t.Context(), &weatherv1.GetRequest{})
	_, _ = w.Get(t.Context(), &weatherv1.GetRequest{City: "x"})
	reports, err := w.Watch(t.Context(), &weatherv1.WatchRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for range reports.All() { //nolint:errcheck // to its end, whatever that is
	}
	notes, err := w.Chat(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = notes.Close()
	if diff := cmp.Diff([]status.Code{status.OK, status.NotFound, status.OK, status.Canceled}, sel.outcomes); diff != "" {
		t.Error(diff)
	}
}

func TestClient_ConnectsAgainWhenTheServerComesBack(t *testing.T) {
	for _, scheme := range []string{"tcp://", "http://", "h2c://"} {
		t.Run(scheme, func(t *testing.T) {
			addr := unused(t)
			w, _ := dial(t, scheme+addr)
			for round := range 3 {
				s := &runtime.Server{Log: slog.New(slog.DiscardHandler)}
				weatherv1.RegisterWeatherServer(s, named(fmt.Sprint(round)))
				l, err := net.Listen("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(context.Background())
				served := make(chan error, 1)
				go func() { served <- s.Serve(ctx, l) }()
				deadline := time.Now().Add(10 * time.Second)
				for {
					report, err := w.Get(t.Context(), &weatherv1.GetRequest{})
					if err == nil && report.GetCity() == fmt.Sprint(round) {
						break
					}
					if time.Now().After(deadline) {
						t.Fatalf("round %d: still %v, %v", round, report, err)
					}
				}
				cancel()
				if err := <-served; err != nil {
					t.Errorf("Serve: %v", err)
				}
			}
		})
	}
}

func TestClient_LosesOnlyTheCallsOfAPeerThatVanishes(t *testing.T) {
	for _, scheme := range []string{"tcp://", "http://", "h2c://"} {
		t.Run(scheme, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			began := make(chan struct{}, 1)
			addr := serve(t, &runtime.Server{}, station{get: func(ctx context.Context, req *weatherv1.GetRequest) (*weatherv1.Report, error) {
				if req.GetCity() == "wait" {
					began <- struct{}{}
					<-ctx.Done()
				}
				return &weatherv1.Report{}, nil
			}})
			proxied := make(chan net.Conn, 8)
			go func() {
				for {
					near, err := l.Accept()
					if err != nil {
						close(proxied)
						return
					}
					far, err := net.Dial("tcp", addr)
					if err != nil {
						_ = near.Close()
						continue
					}
					go func() { _, _ = io.Copy(near, far); _ = near.Close() }()
					go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
					proxied <- near
				}
			}()
			w, _ := dial(t, scheme+l.Addr().String())
			lost := make(chan error, 1)
			go func() {
				_, err := w.Get(context.Background(), &weatherv1.GetRequest{City: "wait"})
				lost <- err
			}()
			<-began
			_ = (<-proxied).Close()
			wantCode(t, "the call on the lost connection", <-lost, status.Unavailable)
			deadline := time.Now().Add(10 * time.Second)
			for {
				_, err := w.Get(t.Context(), &weatherv1.GetRequest{})
				if err == nil {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("a call afterwards: %v", err)
				}
			}
		})
	}
}

func TestClient_TimeoutIsForCallsWithoutADeadline(t *testing.T) {
	addr := serve(t, &runtime.Server{}, station{get: func(ctx context.Context, _ *weatherv1.GetRequest) (*weatherv1.Report, error) {
		left := time.Hour
		if deadline, ok := ctx.Deadline(); ok {
			left = time.Until(deadline)
		}
		return &weatherv1.Report{Celsius: left.Seconds()}, nil
	}})
	for _, scheme := range []string{"tcp://", "http://"} {
		w, _ := use(t, &runtime.Client{Addrs: []string{scheme + addr}, Timeout: 30 * time.Second})
		report, err := w.Get(t.Context(), &weatherv1.GetRequest{})
		if s := report.GetCelsius(); err != nil || s > 30 || s < 15 {
			t.Errorf("%swithout a deadline: the handler has %g s, %v", scheme, s, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		report, err = w.Get(ctx, &weatherv1.GetRequest{})
		cancel()
		if s := report.GetCelsius(); err != nil || s > 90 || s < 60 {
			t.Errorf("%swith a deadline: the handler has %g s, %v", scheme, s, err)
		}
	}
}

func TestClient_EndsItsCallsWhenClosed(t *testing.T) {
	for _, scheme := range []string{"tcp://", "http://", "h2c://"} {
		began := make(chan struct{})
		addr := serve(t, &runtime.Server{}, station{get: func(ctx context.Context, _ *weatherv1.GetRequest) (*weatherv1.Report, error) {
			close(began)
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		w, c := dial(t, scheme+addr)
		ended := make(chan error, 1)
		go func() {
			_, err := w.Get(context.Background(), &weatherv1.GetRequest{})
			ended <- err
		}()
		<-began
		if err := c.Close(); err != nil {
			t.Errorf("%sClose: %v", scheme, err)
		}
		if err := <-ended; err == nil {
			t.Errorf("%sthe call did well", scheme)
		}
		_, err := w.Get(t.Context(), &weatherv1.GetRequest{})
		if code := status.CodeOf(err); code != status.Canceled && code != status.Unavailable {
			t.Errorf("%sa call after Close: %v", scheme, err)
		}
	}
}

func TestClient_RunsMiddlewareAroundEveryKind(t *testing.T) {
	var calls atomic.Int32
	var names []string
	s := &runtime.Server{}
	weatherv1.RegisterWeatherServer(s, station{})
	local := runtime.Local(s)
	c := &runtime.Client{Addrs: []string{"unused://"}, Middleware: []func(runtime.Conn) runtime.Conn{
		func(next runtime.Conn) runtime.Conn { return watched{next, &calls, &names} },
		func(runtime.Conn) runtime.Conn { return local },
	}}
	fourKinds(t, weatherv1.NewWeatherClient(c))
	want := []string{"weather.v1.Weather/Get", "weather.v1.Weather/Watch", "weather.v1.Weather/Record", "weather.v1.Weather/Chat"}
	if !slices.Equal(names, want) || calls.Load() != 4 {
		t.Errorf("got %v", names)
	}
	if err := errors.Join(c.Close(), local.Close()); err != nil {
		t.Error(err)
	}
}

type watched struct {
	runtime.Conn
	calls *atomic.Int32
	names *[]string
}

func (w watched) Invoke(ctx context.Context, m *runtime.Method, req, res any) error {
	w.calls.Add(1)
	*w.names = append(*w.names, m.Name)
	return w.Conn.Invoke(ctx, m, req, res)
}

func (w watched) Open(ctx context.Context, m *runtime.Method, kind codec.Kind) (codec.Stream, error) {
	w.calls.Add(1)
	*w.names = append(*w.names, m.Name)
	return w.Conn.Open(ctx, m, kind)
}

func TestMeta_TravelsBothWays(t *testing.T) {
	everyByte := make([]byte, 256)
	for i := range everyByte {
		everyByte[i] = byte(i)
	}
	addr := serve(t, &runtime.Server{}, station{get: func(ctx context.Context, req *weatherv1.GetRequest) (*weatherv1.Report, error) {
		got := runtime.RequestMeta(ctx)
		for i, v := range got.Values("color") {
			if err := runtime.SetHeader(ctx, "echo", fmt.Sprint(i, v)); err != nil {
				return nil, err
			}
		}
		if err := runtime.SetTrailer(ctx, "bytes-bin", got.Get("bytes-bin")); err != nil {
			return nil, err
		}
		if req.GetCity() != "" {
			return nil, status.Errorf(status.Aborted, "on demand")
		}
		return &weatherv1.Report{}, nil
	}})
	for _, scheme := range []string{"tcp://", "http://", "h2c://"} {
		for _, city := range []string{"", "fail"} {
			w, _ := dial(t, scheme+addr)
			var got runtime.ResponseMeta
			ctx := runtime.WithMeta(t.Context(), "Color", "red")
			ctx = runtime.WithMeta(ctx, "color", "blue")
			ctx = runtime.WithMeta(ctx, "bytes-bin", string(everyByte))
			_, err := w.Get(runtime.WithResponseMeta(ctx, &got), &weatherv1.GetRequest{City: city})
			if (err == nil) != (city == "") {
				t.Errorf("%s%s: %v", scheme, city, err)
			}
			all := slices.Concat(got.Header.Values("echo"), got.Trailer.Values("echo"))
			if !slices.Equal(all, []string{"0red", "1blue"}) {
				t.Errorf("%s%s: header %v, trailer %v", scheme, city, got.Header, got.Trailer)
			}
			if got.Trailer.Get("bytes-bin") != string(everyByte) {
				t.Errorf("%s%s: trailer %q", scheme, city, got.Trailer)
			}
		}
	}
}

func TestMeta_RefusesWhatCannotTravel(t *testing.T) {
	s := &runtime.Server{}
	weatherv1.RegisterWeatherServer(s, station{get: func(ctx context.Context, _ *weatherv1.GetRequest) (*weatherv1.Report, error) {
		return nil, errors.Join(runtime.SetHeader(ctx, "grpc-x", "y"), runtime.SetTrailer(ctx, "a", "ü"))
	}})
	_, c := use(t, runtime.Local(s))
	w := weatherv1.NewWeatherClient(c)
	for key, value := range map[string]string{"": "x", "sp ace": "x", "content-type": "x", "connect-x": "x", "text": "line\nbreak"} {
		_, err := w.Get(runtime.WithMeta(t.Context(), key, value), &weatherv1.GetRequest{})
		wantCode(t, fmt.Sprintf("%q: %q", key, value), err, status.InvalidArgument)
	}
	_, err := w.Get(t.Context(), &weatherv1.GetRequest{})
	wantCode(t, "on the server", err, status.InvalidArgument)
	if err := runtime.SetHeader(t.Context(), "a", "b"); err == nil {
		t.Error("SetHeader outside of a handler: no error")
	}
}

func TestClient_EndsCallsThatWaitForTheRegistry(t *testing.T) {
	c := &runtime.Client{Resolver: mute{}, Service: "weather"}
	ended := make(chan error, 1)
	go func() {
		_, err := weatherv1.NewWeatherClient(c).Get(context.Background(), &weatherv1.GetRequest{})
		ended <- err
	}()
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-ended; err == nil {
		t.Error("Get: no error")
	}
}

// mute is a registry that never answers.
type mute struct{}

func (mute) Watch(ctx context.Context, _ string) iter.Seq2[[]registry.Instance, error] {
	return func(func([]registry.Instance, error) bool) { <-ctx.Done() }
}

// leaving is a selector that sends a call to a server that goes away, and afterwards to one that is not there.
type leaving struct {
	selector.RoundRobin
	picks atomic.Int32
	addrs [2]string
}

func (l *leaving) Pick(context.Context) (registry.Instance, func(error), error) {
	n := min(l.picks.Add(1), 2)
	return registry.Instance{ID: "x", Addrs: []string{l.addrs[n-1]}}, nil, nil
}

func TestClient_FailsAStreamThatNobodyTakes(t *testing.T) {
	network := memtransport.New()
	l, err := network.Listen(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	s := &runtime.Server{Log: slog.New(slog.DiscardHandler)}
	weatherv1.RegisterWeatherServer(s, station{})
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	w, c := use(t, &runtime.Client{
		Addrs: []string{"unused://"}, Transports: []transport.Transport{network}, Selector: &leaving{addrs: [2]string{"mem://a", "mem://nobody"}},
	})
	raw, err := c.Open(t.Context(), &runtime.Method{Name: "weather.v1.Weather/Watch"}, codec.ServerStream)
	if err != nil {
		t.Fatal(err)
	}
	cancel() // between Open and Finish
	if err := <-served; err != nil {
		t.Error(err)
	}
	wantCode(t, "Finish", raw.Finish(&weatherv1.WatchRequest{}, nil), status.Unavailable)
	_ = raw.Close()
	_, err = w.Watch(t.Context(), &weatherv1.WatchRequest{})
	wantCode(t, "Watch", err, status.Unavailable)
}

func TestServer_SurvivesHandlersOfEveryKind(t *testing.T) {
	s := &runtime.Server{Log: slog.New(slog.DiscardHandler)}
	weatherv1.RegisterWeatherServer(s, station{get: func(_ context.Context, req *weatherv1.GetRequest) (*weatherv1.Report, error) {
		switch req.GetCity() {
		case "typed nil":
			var err *status.Error
			return nil, err
		case "panicking error":
			return nil, (*panicking)(nil)
		case "exit":
			stdruntime.Goexit()
		}
		return &weatherv1.Report{}, nil
	}})
	c := runtime.Local(s)
	w := weatherv1.NewWeatherClient(c)
	for _, city := range []string{"typed nil", "panicking error", "exit"} {
		_, err := w.Get(t.Context(), &weatherv1.GetRequest{City: city})
		wantCode(t, city, err, status.Internal)
	}
	if _, err := w.Get(t.Context(), &weatherv1.GetRequest{}); err != nil {
		t.Errorf("a call afterwards: %v", err)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

type panicking struct{ text string }

func (p *panicking) Error() string { return p.text }
