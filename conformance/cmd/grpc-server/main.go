// Grpc-server is the server of gRPC's interop test cases: a runtime.Server, which answers every format on its one port,
// with health and reflection beside the tests' own service.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/protomicro/micro/conformance/gen/grpctesting"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/services/health"
	"github.com/protomicro/micro/services/reflection"
)

func main() {
	port := flag.Uint("port", 10000, "the `port` to listen on; 0 for any, which is printed")
	useTLS := flag.Bool("use_tls", false, "use TLS")
	cert := flag.String("tls_cert_file", "", "the certificate, a PEM `file`")
	key := flag.String("tls_key_file", "", "its key, a PEM `file`")
	flag.Parse()

	server := &runtime.Server{}
	grpctesting.RegisterTestServiceServer(server, service{})
	health.Register(server)
	reflection.Register(server)
	var err error
	if *useTLS {
		server.TLS, err = tlsConfig(*cert, *key)
	}
	if err == nil {
		err = run(server, *port)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "grpc-server:", err)
		os.Exit(1)
	}
}

// run serves until the process is told to end.
func run(server *runtime.Server, port uint) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	service := &runtime.Service{
		Name:   "grpc-interop",
		Addrs:  []string{"tcp://:" + strconv.FormatUint(uint64(port), 10)},
		Server: server,
		OnReady: func(addrs []string) {
			for _, addr := range addrs {
				_, _ = fmt.Fprintln(os.Stdout, addr)
			}
		},
	}
	return service.Run(ctx)
}

func tlsConfig(cert, key string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}, nil
}
