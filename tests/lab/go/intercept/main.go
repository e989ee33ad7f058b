// A Telepresence 2 client as far as a manager sees one: it arrives, intercepts one workload, and stays until it is ended.
// Nothing listens behind it. It prints the id of its intercept when that is active.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/telepresenceio/telepresence/rpc/v2/manager"
)

func main() {
	address := flag.String("manager", "", "HOST:PORT of the manager's API")
	client := flag.String("client", "dev@laptop", "USER@HOST of the client")
	namespace := flag.String("namespace", "", "namespace of the workload")
	workload := flag.String("workload", "", "name of the Deployment to intercept")
	replace := flag.Bool("replace", false, "replace the container of the application")
	flag.Parse()
	if err := intercept(*address, *client, *namespace, *workload, *replace); err != nil {
		log.Fatal(err)
	}
}

func intercept(address, client, namespace, workload string, replace bool) error {
	ctx := context.Background()
	connection, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	m := manager.NewManagerClient(connection)
	session, err := m.ArriveAsClient(ctx, &manager.ClientInfo{
		Name: client, Namespace: namespace, InstallId: client, Product: "telepresence", Version: "2.20.2",
	})
	if err != nil {
		return fmt.Errorf("arriving: %w", err)
	}
	spec := &manager.InterceptSpec{
		Name: workload, Client: client, Agent: workload, WorkloadKind: "Deployment", Namespace: namespace,
		Mechanism: "tcp", TargetHost: "127.0.0.1", TargetPort: 8080, Replace: replace,
	}
	request := &manager.CreateInterceptRequest{Session: session, InterceptSpec: spec}
	prepared, err := m.PrepareIntercept(ctx, request)
	if err != nil {
		return fmt.Errorf("preparing: %w", err)
	}
	if prepared.Error != "" {
		return fmt.Errorf("preparing: %s", prepared.Error)
	}
	// As pkg/client/userd/trafficmgr/intercept.go of 2.20.2 fills it in.
	spec.ServiceUid, spec.ServiceName = prepared.ServiceUid, prepared.ServiceName
	spec.ServicePortName, spec.ServicePort = prepared.ServicePortName, prepared.ServicePort
	spec.PortIdentifier, spec.Protocol = prepared.ServicePortName, prepared.Protocol
	spec.ContainerPort = prepared.ContainerPort
	created, err := m.CreateIntercept(ctx, request)
	if err != nil {
		return fmt.Errorf("intercepting: %w", err)
	}
	// Every 5 s a client says that it is there (pkg/client/userd/trafficmgr/session.go of 2.20.2).
	for told := false; ; time.Sleep(time.Second) {
		if _, err := m.Remain(ctx, &manager.RemainRequest{Session: session}); err != nil {
			return fmt.Errorf("remaining: %w", err)
		}
		now, err := m.GetIntercept(ctx, &manager.GetInterceptRequest{Session: session, Name: spec.Name})
		if err != nil {
			return fmt.Errorf("looking: %w", err)
		}
		if !told && now.Disposition == manager.InterceptDispositionType_ACTIVE {
			fmt.Println(created.Id)
			told = true
		}
	}
}
