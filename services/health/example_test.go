package health_test

import (
	"context"
	"fmt"

	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/services/health"
	"github.com/protomicro/micro/services/health/healthv1"
)

func ExampleRegister() {
	server := &runtime.Server{}
	checker := health.Register(server)
	checker.Set("search.v1.Search", false) // until its index is there

	client := runtime.Local(server)
	defer client.Close()
	res, err := health.NewClient(client).Check(context.Background(), &healthv1.HealthCheckRequest{Service: "search.v1.Search"})
	fmt.Println(res.GetStatus(), err)
	// Output: NOT_SERVING <nil>
}
