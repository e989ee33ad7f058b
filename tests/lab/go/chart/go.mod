module devclusters.telepresence/lab/chart

go 1.26.0

require github.com/telepresenceio/telepresence/v2 v2.27.4
