# An account a task, with what that task needs and no key: keys would be secrets in the state. Orchestrators that run the steps
# apart use loader and builder; the scheduled job runs both and has the roles of both.
locals {
  accounts = {
    loader    = "Reads TLC's files into the lake and copies partitions to the raw dataset"
    builder   = "Builds and tests the marts"
    reader    = "Reads the marts, for dashboards"
    runner    = "The scheduled job: loads and builds"
    scheduler = "Starts the scheduled job"
  }

  dataset_roles = {
    loader  = { raw = "roles/bigquery.dataEditor" }
    builder = { raw = "roles/bigquery.dataViewer", internal = "roles/bigquery.dataEditor", marts = "roles/bigquery.dataEditor", test_failures = "roles/bigquery.dataEditor" }
    reader  = { marts = "roles/bigquery.dataViewer" }
    runner  = { raw = "roles/bigquery.dataEditor", internal = "roles/bigquery.dataEditor", marts = "roles/bigquery.dataEditor", test_failures = "roles/bigquery.dataEditor" }
  }

  bucket_roles = {
    loader  = "roles/storage.objectUser"
    builder = "roles/storage.objectViewer"
    runner  = "roles/storage.objectUser"
  }

  dataset_grants = merge([
    for account, roles in local.dataset_roles : {
      for dataset, role in roles : "${account}/${dataset}" => { account = account, dataset = dataset, role = role }
    }
  ]...)
}

resource "google_service_account" "task" {
  for_each = local.accounts

  account_id   = "taxi-${each.key}"
  display_name = "NYC taxi: ${each.key}"
  description  = each.value

  depends_on = [google_project_service.needed]
}

resource "google_bigquery_dataset_iam_member" "task" {
  for_each = local.dataset_grants

  dataset_id = google_bigquery_dataset.warehouse[each.value.dataset].dataset_id
  role       = each.value.role
  member     = google_service_account.task[each.value.account].member
}

resource "google_bigquery_dataset_iam_member" "readers" {
  count = var.reader_group == "" ? 0 : 1

  dataset_id = google_bigquery_dataset.warehouse["marts"].dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = var.reader_group
}

resource "google_storage_bucket_iam_member" "task" {
  for_each = local.bucket_roles

  bucket = google_storage_bucket.lake.name
  role   = each.value
  member = google_service_account.task[each.key].member
}

# To run a query or a load job at all is a role of the project.
resource "google_project_iam_member" "jobs" {
  for_each = toset(["loader", "builder", "reader", "runner"])

  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = google_service_account.task[each.key].member
}

resource "google_cloud_run_v2_job_iam_member" "scheduler" {
  name     = google_cloud_run_v2_job.month.name
  location = google_cloud_run_v2_job.month.location
  role     = "roles/run.invoker"
  member   = google_service_account.task["scheduler"].member
}
