"""Amazon Web Services for tests: moto's server answers, boto3 and the `aws` command ask, all real, from `.lab/aws`."""
