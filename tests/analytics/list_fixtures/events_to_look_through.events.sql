SELECT count()
FROM
(
    SELECT seen.day AS day
    FROM events AS seen
    WHERE seen.project_id = {project:String}
    LIMIT {v0:UInt32}
);
