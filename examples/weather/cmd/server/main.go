// Command server serves weather.v1.Weather, in every format, on one port.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/protomicro/micro/examples/weather"
	"github.com/protomicro/micro/examples/weather/weatherv1"
	"github.com/protomicro/micro/runtime"
)

func main() {
	addr := flag.String("addr", "tcp://127.0.0.1:8080", "where to listen")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)

	server := &runtime.Server{}
	weatherv1.RegisterWeatherServer(server, weather.New())
	service := &runtime.Service{
		Name:    "weather",
		Addrs:   []string{*addr},
		Server:  server,
		OnReady: func(addrs []string) { fmt.Println("serving on", addrs[0]) },
	}
	err := service.Run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
