// Command server serves the weather of the example, with everything that clients can ask a server for beside: health,
// reflection and CORS.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/protomicro/micro/examples/weather"
	"github.com/protomicro/micro/examples/weather/weatherv1"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/services/health"
	"github.com/protomicro/micro/services/reflection"
)

func main() {
	addr := flag.String("addr", "tcp://127.0.0.1:0", "where to listen")
	origins := flag.String("origins", "", "the origins of pages that may call, with commas between them")
	cert := flag.String("cert", "", "a certificate, for TLS")
	key := flag.String("key", "", "its key")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *addr, *origins, *cert, *key)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, addr, origins, cert, key string) error {
	server := &runtime.Server{}
	if origins != "" {
		server.CORS = &runtime.CORS{AllowedOrigins: strings.Split(origins, ",")}
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return err
		}
		server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	weatherv1.RegisterWeatherServer(server, weather.New())
	health.Register(server)
	reflection.Register(server)
	service := &runtime.Service{
		Name:    "weather",
		Addrs:   []string{addr},
		Server:  server,
		OnReady: func(addrs []string) { fmt.Println("serving on", addrs[0]) },
	}
	return service.Run(ctx)
}
