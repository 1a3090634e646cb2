resource "google_monitoring_notification_channel" "email" {
  display_name = "NYC taxi warehouse"
  type         = "email"
  labels       = { email_address = var.alert_email }

  depends_on = [google_project_service.needed]
}

resource "google_monitoring_alert_policy" "failed_run" {
  display_name          = "NYC taxi: a run failed"
  combiner              = "OR"
  notification_channels = [google_monitoring_notification_channel.email.id]

  conditions {
    display_name = "An execution of ${google_cloud_run_v2_job.month.name} failed"

    condition_threshold {
      filter          = "resource.type = \"cloud_run_job\" AND resource.labels.job_name = \"${google_cloud_run_v2_job.month.name}\" AND metric.type = \"run.googleapis.com/job/completed_execution_count\" AND metric.labels.result = \"failed\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_SUM"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "The job's log ends with a JSON document: `exit_code` 1 means the data fail (look at the failing rows; running it again does not help), 2 that it could not be done (the next run tries again). `error` has the reason in one sentence."
  }
}

# A job that is not started fails no execution.
resource "google_monitoring_alert_policy" "no_run" {
  display_name          = "NYC taxi: no run for most of a day"
  combiner              = "OR"
  notification_channels = [google_monitoring_notification_channel.email.id]

  conditions {
    display_name = "No execution of ${google_cloud_run_v2_job.month.name} ended"

    condition_absent {
      filter   = "resource.type = \"cloud_run_job\" AND resource.labels.job_name = \"${google_cloud_run_v2_job.month.name}\" AND metric.type = \"run.googleapis.com/job/completed_execution_count\""
      duration = "84600s" # 23.5 hours, the longest that can be asked; the longest time without points is counted from the last one

      aggregations {
        alignment_period   = "3600s"
        per_series_aligner = "ALIGN_SUM"
      }
    }
  }
}

resource "google_monitoring_alert_policy" "scanned" {
  display_name          = "NYC taxi: queries scan much"
  combiner              = "OR"
  notification_channels = [google_monitoring_notification_channel.email.id]

  conditions {
    display_name = "Bytes billed in a day"

    condition_threshold {
      filter          = "resource.type = \"global\" AND metric.type = \"bigquery.googleapis.com/query/statement_scanned_bytes_billed\""
      comparison      = "COMPARISON_GT"
      threshold_value = var.scanned_terabytes_a_day * 1099511627776
      duration        = "0s"

      aggregations {
        alignment_period     = "86400s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }
}

resource "google_billing_budget" "month" {
  count = var.billing_account == "" ? 0 : 1

  billing_account = var.billing_account
  display_name    = "NYC taxi warehouse"

  budget_filter {
    projects = ["projects/${var.project}"]
  }

  amount {
    specified_amount {
      units = tostring(var.monthly_budget)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]
    content {
      threshold_percent = threshold_rules.value
    }
  }

  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }

  all_updates_rule {
    monitoring_notification_channels = [google_monitoring_notification_channel.email.id]
  }

  depends_on = [google_project_service.needed]
}
