SELECT count()
FROM groups FINAL
WHERE project_id = {project:String} AND deleted = 0
    AND (positionCaseInsensitiveUTF8(group_id, {v0:String}) > 0
        OR positionCaseInsensitiveUTF8(name, {v0:String}) > 0);
