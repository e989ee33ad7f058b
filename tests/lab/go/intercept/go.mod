module devclusters.telepresence/lab/intercept

go 1.26.0

require (
	github.com/telepresenceio/telepresence/rpc/v2 v2.20.2
	google.golang.org/grpc v1.66.2
)

require (
	golang.org/x/net v0.29.0 // indirect
	golang.org/x/sys v0.25.0 // indirect
	golang.org/x/text v0.18.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20240903143218-8af14fe29dc1 // indirect
	google.golang.org/protobuf v1.34.2 // indirect
)
