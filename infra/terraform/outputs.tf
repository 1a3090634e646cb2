output "environment" {
  description = "Variables for profiles.yml.example and the command: terraform output -json environment | jq -r 'to_entries[] | \"export \\(.key)=\\(.value)\"'"
  value       = merge(local.environment, var.reader_group == "" ? {} : { TAXI_BI_ROLE = var.reader_group })
}

output "lake_url" {
  description = "Address of the lake; TAXI_LAKE_URL."
  value       = local.environment.TAXI_LAKE_URL
}

output "accounts" {
  description = "Address of each service account: attach it to the machine that runs the task, or impersonate it."
  value       = { for name, account in google_service_account.task : name => account.email }
}

output "job" {
  description = "Name of the scheduled job; `gcloud run jobs execute NAME --region REGION` starts it by hand."
  value       = google_cloud_run_v2_job.month.name
}
