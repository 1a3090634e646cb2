locals {
  # What profiles.yml.example reads; `terraform output -json environment` gives it to other machines.
  environment = {
    DBT_TARGET      = "prod"
    DBT_BQ_PROJECT  = var.project
    DBT_BQ_LOCATION = var.location
    DBT_BQ_DATASET  = google_bigquery_dataset.warehouse["marts"].dataset_id
    TAXI_RAW_SCHEMA = google_bigquery_dataset.warehouse["raw"].dataset_id
    TAXI_LAKE_URL   = "gs://${google_storage_bucket.lake.name}/lake"
  }

  # TLC publishes a month about two months after it. The first of this month, because two months before April 30 is no day.
  # Exit code 3 is no failure: the month is not published yet, and tomorrow the job looks again.
  month_script = <<-EOT
    month=$(date --utc --date "$(date --utc +%Y-%m-01) -2 months" +%Y-%m)
    taxi run --months "$month" --services "$TAXI_SERVICES" --json
    code=$?
    if [ "$code" -eq 3 ]; then exit 0; fi
    exit "$code"
  EOT
}

resource "google_cloud_run_v2_job" "month" {
  name                = "taxi-month"
  location            = var.region
  deletion_protection = false # it holds nothing

  template {
    parallelism = 1 # one writer at a time
    task_count  = 1

    template {
      service_account = google_service_account.task["runner"].email
      timeout         = "7200s"
      max_retries     = 0 # Cloud Run would retry where the data fail as well; the next day's run is the retry

      containers {
        image   = var.image
        command = ["taxi-entrypoint", "sh", "-c"]
        args    = [local.month_script]

        dynamic "env" {
          for_each = merge(local.environment, { TAXI_SERVICES = var.services })
          content {
            name  = env.key
            value = env.value
          }
        }

        resources {
          limits = {
            cpu    = "4"
            memory = var.job_memory
          }
        }
      }
    }
  }

  depends_on = [google_project_service.needed]
}

resource "google_cloud_scheduler_job" "month" {
  name             = "taxi-month"
  region           = var.region
  description      = "Starts the job that loads the month of two months ago."
  schedule         = var.schedule
  time_zone        = "Etc/UTC"
  attempt_deadline = "60s" # until the job has started

  retry_config {
    retry_count = 3
  }

  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/${google_cloud_run_v2_job.month.id}:run"

    oauth_token {
      service_account_email = google_service_account.task["scheduler"].email
    }
  }

  depends_on = [google_project_service.needed]
}
