package runtime_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/protomicro/micro/registry/memregistry"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/status"
	weatherv1 "github.com/protomicro/micro/testdata/fourkinds/weather/v1"
)

// A service listens, is announced, serves, and ends in order when its context does. In main the context is one that
// SIGTERM ends; here it ends when the example has seen enough.
func ExampleService() {
	server := &runtime.Server{}
	weatherv1.RegisterWeatherServer(server, station{})

	ctx, stop := context.WithCancel(context.Background())
	service := &runtime.Service{
		Name:    "weather",
		Addrs:   []string{"tcp://127.0.0.1:0"},
		Server:  server,
		OnReady: func([]string) { fmt.Println("serving"); stop() },
	}
	fmt.Println("ended:", service.Run(ctx))
	// Output:
	// serving
	// ended: <nil>
}

// Local calls a server within the process, as tests like to do.
func ExampleLocal() {
	server := &runtime.Server{}
	weatherv1.RegisterWeatherServer(server, station{})
	client := runtime.Local(server)
	defer client.Close()

	report, err := weatherv1.NewWeatherClient(client).Get(context.Background(), &weatherv1.GetRequest{City: "Oslo"})
	fmt.Println(report.GetCity(), report.GetCelsius(), err)
	// Output: Oslo 7 <nil>
}

// A client finds the instances of a service in a registry, and shares its calls among them.
func ExampleClient() {
	registry := memregistry.New()
	server := &runtime.Server{}
	weatherv1.RegisterWeatherServer(server, station{})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	ready := make(chan struct{})
	go func() {
		ended <- (&runtime.Service{
			Name: "weather", Addrs: []string{"tcp://127.0.0.1:0"}, Server: server, Registrar: registry, Propagation: time.Millisecond,
			OnReady: func([]string) { close(ready) },
		}).Run(ctx)
	}()
	<-ready

	client := &runtime.Client{Service: "weather", Resolver: registry}
	report, err := weatherv1.NewWeatherClient(client).Get(ctx, &weatherv1.GetRequest{City: "Oslo"})
	fmt.Println(report.GetCity(), err)

	fmt.Println(client.Close())
	stop()
	fmt.Println(<-ended)
	// Output:
	// Oslo <nil>
	// <nil>
	// <nil>
}

// A Server is an http.Handler: any HTTP server can serve its methods beside other pages.
func ExampleServer_ServeHTTP() {
	server := &runtime.Server{}
	weatherv1.RegisterWeatherServer(server, station{})
	mux := http.NewServeMux()
	mux.Handle("/weather.v1.Weather/", server)
	web := httptest.NewServer(mux)
	defer web.Close()

	res, err := http.Post(web.URL+"/weather.v1.Weather/Get", "application/json", strings.NewReader(`{"city":"Oslo"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	fmt.Println(res.Status, string(body))
	// Output: 200 OK {"city":"Oslo","celsius":7}
}

// Metadata rides in the context. Middleware sees every call, of every kind and format.
func ExampleWithMeta() {
	authenticate := func(next runtime.Handler) runtime.Handler {
		serve := next.Serve
		next.Serve = func(ctx context.Context, s runtime.RawStream) (any, error) {
			if runtime.RequestMeta(ctx).Get("authorization") == "" {
				return nil, status.Errorf(status.Unauthenticated, "who is calling %s?", next.Name)
			}
			return serve(ctx, s)
		}
		return next
	}
	server := &runtime.Server{Middleware: []func(runtime.Handler) runtime.Handler{authenticate}}
	weatherv1.RegisterWeatherServer(server, station{})
	client := runtime.Local(server)
	defer client.Close()
	weather := weatherv1.NewWeatherClient(client)

	_, err := weather.Get(context.Background(), &weatherv1.GetRequest{City: "Oslo"})
	fmt.Println(err)
	ctx := runtime.WithMeta(context.Background(), "authorization", "Bearer token")
	report, err := weather.Get(ctx, &weatherv1.GetRequest{City: "Oslo"})
	fmt.Println(report.GetCity(), err)
	// Output:
	// unauthenticated: who is calling weather.v1.Weather/Get?
	// Oslo <nil>
}

// The receiver of a stream is ranged over.
func ExampleReceiver_All() {
	server := &runtime.Server{}
	weatherv1.RegisterWeatherServer(server, station{})
	client := runtime.Local(server)
	defer client.Close()

	reports, err := weatherv1.NewWeatherClient(client).Watch(context.Background(), &weatherv1.WatchRequest{City: "Oslo"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for report, err := range reports.All() {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(report.GetCity(), report.GetCelsius())
	}
	// Output:
	// Oslo 0
	// Oslo 1
	// Oslo 2
}
